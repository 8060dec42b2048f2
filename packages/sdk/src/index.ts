export type { ContainerFormat, DiskFormat, EventType, ImageStatus, Visibility } from '@vitrine/contract/words'
export { MemberStatus } from '@vitrine/contract/words'
export type { ImageAttributes } from './attributes.ts'
export type { CatalogEndpoint, CatalogService, EndpointChoice, EndpointInterface } from './catalog.ts'
export type { Clock } from './clock.ts'
export type {
  ApiKeyAuth,
  ApplicationCredentialAuth,
  Auth,
  IdentityVersion,
  PasswordAuth,
  Scope,
  TokenAuth,
} from './credentials.ts'
export type { ByteRange, DownloadOptions, ImageChecksum, ImageDownload } from './download.ts'
export { fromEnvironment, type Settings } from './environment.ts'
export {
  BadRequestError,
  ChecksumMismatchError,
  ConfigurationError,
  ConflictError,
  EndpointNotFoundError,
  ForbiddenError,
  HttpError,
  InvalidArgumentError,
  NetworkError,
  NoDataError,
  NotFoundError,
  OpenStackError,
  OverLimitError,
  TimeoutError,
  UnauthorizedError,
  UnexpectedResponseError,
} from './errors.ts'
export type { ImageEvent } from './event.ts'
export { before, equalTo, oneOf, since } from './filters.ts'
export type { Image, ImageData } from './image.ts'
export type { ApiRequest, CallOptions, Query, QueryValue } from './image-api.ts'
export { ImageService, type ListImagesParams, type TokenEndpoint } from './image-service.ts'
export { type Page, type PageOptions, PaginatedIterator, ResourceIterator } from './iterators.ts'
export type { JsonObject, JsonValue } from './json.ts'
export {
  encodePointer,
  type OperationType,
  PatchDocument,
  PatchOperation,
  type PatchOperationDocument,
} from './json-patch.ts'
export type { Member } from './member.ts'
export { OpenStack, type OpenStackOptions, Rackspace, type RackspaceOptions } from './openstack.ts'
export type { OnProgress, Progress } from './progress.ts'
export type { RetryPolicy } from './retry.ts'
export { Schema, type SchemaLink } from './schema.ts'
export { SchemaProperty } from './schema-property.ts'
export type { ExportedCredentials, NamedId, Session } from './session.ts'
export type { Fetch, FetchInit, RequestTrace, ResponseTrace, TransportOptions } from './transport.ts'
export type { StreamSource, UploadOptions, UploadSource } from './upload.ts'
