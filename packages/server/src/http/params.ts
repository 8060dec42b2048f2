import Type, { type Static } from 'typebox'

/** Path of an image. Ids are not checked for their form: what is no id is the id of nothing. */
export const imageParams = Type.Object({ imageId: Type.String({ description: 'Id of the image.' }) })
export interface ImagePath {
  Params: Static<typeof imageParams>
}

export const memberParams = Type.Object({
  ...imageParams.properties,
  memberId: Type.String({ description: 'Project that the image is shared with.' }),
})
export interface MemberPath {
  Params: Static<typeof memberParams>
}

export const tagParams = Type.Object({ ...imageParams.properties, tag: Type.String({ description: 'The tag.' }) })
export interface TagPath {
  Params: Static<typeof tagParams>
}

/** Path of a thing that has an id. */
export const resourceParams = Type.Object({ id: Type.String({ description: 'Its id.' }) })
export interface ResourcePath {
  Params: Static<typeof resourceParams>
}
