export type {
  ContainerFormat,
  DeliveryState,
  DiskFormat,
  EventType,
  ImageStatus,
  KeyState,
  KeyStatus,
  KeyUse,
  MetadefPropertyType,
  MetadefVisibility,
  NoticeKind,
  RequestState,
  RuleKind,
  RuleMode,
  UsageDisclosure,
  Visibility,
} from '@vitrine/contract/words'
export { MemberStatus } from '@vitrine/contract/words'
export type {
  AccessRequest,
  AccessRequestAttributes,
  AccessRequestFilter,
  AccessRequestReceipt,
  SignedInRequestAttributes,
} from './access-request.ts'
export type { ActivityFilter, LiveEvent, WatchOptions } from './activity.ts'
export type { ImageAttributes } from './attributes.ts'
export type { CacheContent, CachedImage, ImageCache } from './cache.ts'
export type { CatalogEndpoint, CatalogService, EndpointChoice, EndpointInterface } from './catalog.ts'
export { type AccessRequestStatus, Catalogue, type CatalogueSearch } from './catalogue.ts'
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
export type {
  BootAnswer,
  CanBoot,
  CanBootQuestion,
  CopyAttributes,
  CopyOptions,
  Encryption,
  EncryptOptions,
} from './encryption.ts'
export { fromEnvironment, type Settings } from './environment.ts'
export {
  BadRequestError,
  ChecksumMismatchError,
  ConfigurationError,
  ConflictError,
  EndpointNotFoundError,
  ForbiddenError,
  GoneError,
  HttpError,
  ImportFailedError,
  InvalidArgumentError,
  NetworkError,
  NoDataError,
  NotFoundError,
  OpenStackError,
  OverLimitError,
  TimeoutError,
  TooManyRequestsError,
  UnauthorizedError,
  UnexpectedResponseError,
} from './errors.ts'
export type { ImageEvent } from './event.ts'
export { before, equalTo, oneOf, since } from './filters.ts'
export type { Project } from './identity.ts'
export type { Image } from './image.ts'
export type { ApiRequest, CallOptions, Query, QueryValue } from './image-api.ts'
export type {
  ExpectedBytes,
  ImportAttributes,
  ImportOptions,
  ImportSource,
  ImportState,
  ImportTarget,
  ImportWaitOptions,
} from './image-import.ts'
export type { ImageData } from './image-record.ts'
export { type GetImageOptions, ImageService, type ListImagesParams, type TokenEndpoint } from './image-service.ts'
export type {
  InboxAnswer,
  InboxAnswers,
  InboxChoice,
  InboxFilter,
  InboxInvitation,
  InboxItem,
} from './inbox.ts'
export type { Claim, Invitation, InvitationAttributes, InvitationFilter } from './invitation.ts'
export { type Page, type PageOptions, PaginatedIterator, ResourceIterator } from './iterators.ts'
export type { JsonObject, JsonValue } from './json.ts'
export {
  encodePointer,
  type OperationType,
  PatchDocument,
  PatchOperation,
  type PatchOperationDocument,
} from './json-patch.ts'
export type {
  DataKey,
  Key,
  KeyAttributes,
  KeyChanges,
  KeyDeleteOptions,
  KeyEvent,
  KeyGrant,
  RotateOptions,
} from './key.ts'
export { Link, type LinkAttributes } from './link.ts'
export type {
  Listing,
  ListingAttributes,
  ListingChanges,
  ListingFilter,
  Producer,
  ProducerAttributes,
  PublicListing,
} from './listing.ts'
export type { Location, LocationDigest } from './location.ts'
export type { Member } from './member.ts'
export type {
  AssociationAttributes,
  MetadefObject,
  MetadefProperty,
  MetadefTag,
  ObjectAttributes,
  ObjectChanges,
  Properties,
  PropertiesAttributes,
  PropertyAttributes,
  PropertyDefinition,
  ResourceType,
  ResourceTypeAssociation,
} from './metadef-parts.ts'
export type {
  Namespace,
  NamespaceAttributes,
  NamespaceChanges,
  NamespaceFields,
  NamespaceFilter,
  ResourceTypeOptions,
} from './namespace.ts'
export type {
  Delivery,
  DeliveryFilter,
  NoticeAddress,
  NoticeChoice,
  Webhook,
  WebhookAttributes,
  WebhookChanges,
} from './notices.ts'
export { OpenStack, type OpenStackOptions, Rackspace, type RackspaceOptions } from './openstack.ts'
export type { OnProgress, Progress } from './progress.ts'
export type { ProjectSettings } from './project-settings.ts'
export type { RetryPolicy } from './retry.ts'
export type { Rule, RuleAttributes } from './rule.ts'
export { Schema, type SchemaLink } from './schema.ts'
export { SchemaProperty } from './schema-property.ts'
export type { ExportedCredentials, NamedId, Session } from './session.ts'
export type {
  Explanation,
  Membership,
  Share,
  ShareAttributes,
  ShareManyPairs,
  ShareManyResult,
  ShareResult,
  ShareTerms,
  Statistics,
  Withdrawal,
  WithdrawOptions,
} from './share.ts'
export type { ImportInfo, Store, StoreOptions, Usage } from './store.ts'
export type { Task, TaskFilter } from './task.ts'
export type { Fetch, FetchInit, RequestTrace, ResponseTrace, TransportOptions } from './transport.ts'
export type { StreamSource, UploadOptions, UploadSource } from './upload.ts'
