import type { SchemaDocument } from './schema-document.ts'

/** The schema documents of the metadata definitions, by their path below `/v2/schemas/`. */
export const metadefSchemaDocuments: Readonly<Record<string, SchemaDocument>> = {}
