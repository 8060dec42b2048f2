import type { Group } from '../suite.ts'
import { authentication } from './authentication.ts'
import { cache } from './cache.ts'
import { download } from './download.ts'
import { errors } from './errors.ts'
import { extensionRequests, extensionRoles, foreignThings } from './extensions/access.ts'
import { activity } from './extensions/activity.ts'
import { canBoot } from './extensions/can-boot.ts'
import { catalogueHostile } from './extensions/catalogue-hostile.ts'
import { cataloguePages } from './extensions/catalogue-pages.ts'
import { catalogueProducer } from './extensions/catalogue-producers.ts'
import { changesOfImage } from './extensions/changes-of-image.ts'
import { cloudImages } from './extensions/cloud-images.ts'
import { copies } from './extensions/copies.ts'
import { encryption } from './extensions/encryption.ts'
import { explain } from './extensions/explain.ts'
import { grantsOfShares } from './extensions/grants-of-shares.ts'
import { hostileValues } from './extensions/hostile-values.ts'
import { inbox } from './extensions/inbox.ts'
import { invitations } from './extensions/invitations.ts'
import { keyStates } from './extensions/key-states.ts'
import { keys } from './extensions/keys.ts'
import { keysTurned } from './extensions/keys-turned.ts'
import { keysUsed } from './extensions/keys-used.ts'
import { links } from './extensions/links.ts'
import { noticeAddresses } from './extensions/notice-addresses.ts'
import { noticeMails } from './extensions/notice-mails.ts'
import { extensionRaces } from './extensions/races.ts'
import { requests } from './extensions/requests.ts'
import { rules } from './extensions/rules.ts'
import { sealedBytes } from './extensions/sealed-bytes.ts'
import { sharesMany } from './extensions/shares-many.ts'
import { sharesTerms } from './extensions/shares-terms.ts'
import { sharingEncrypted } from './extensions/sharing-encrypted.ts'
import { standardAnswers } from './extensions/standard-answers.ts'
import { uploads } from './extensions/uploads.ts'
import { uploadsBroken } from './extensions/uploads-broken.ts'
import { usage } from './extensions/usage.ts'
import { webhookCalls } from './extensions/webhooks.ts'
import { withdrawal } from './extensions/withdrawal.ts'
import { filtersAndSorting } from './filters.ts'
import { identityService } from './identity-service.ts'
import { imagesAccess } from './images-access.ts'
import { imagesAttributes } from './images-attributes.ts'
import { imagesCreate } from './images-create.ts'
import { imagesLife } from './images-life.ts'
import { imagesPatch } from './images-patch.ts'
import { importFlows } from './import-flows.ts'
import { importRegions } from './import-regions.ts'
import { importRemote } from './import-remote.ts'
import { importRequests } from './import-requests.ts'
import { lists } from './lists.ts'
import { locations } from './locations.ts'
import { membersBodies } from './members-bodies.ts'
import { membersLife } from './members-life.ts'
import { membersNotShared, membersShared } from './members-matrix.ts'
import { membersRaces } from './members-races.ts'
import { metadefsAccess } from './metadefs-access.ts'
import { metadefsLists } from './metadefs-lists.ts'
import { metadefsNamespaces } from './metadefs-namespaces.ts'
import { metadefsObjects, metadefsProperties, metadefsResourceTypes, metadefsTags } from './metadefs-parts.ts'
import { rawHttp } from './raw-http.ts'
import { routesAndMethods } from './routes.ts'
import { schemaDocuments } from './schemas.ts'
import { sharing } from './sharing.ts'
import { stage } from './stage.ts'
import { storesAndInfo } from './stores-info.ts'
import { tasks } from './tasks.ts'
import { upload } from './upload.ts'
import { versions } from './versions.ts'

/** Every group, in the order in which they run. None needs another. */
export const groups: readonly Group[] = [
  versions,
  authentication,
  identityService,
  routesAndMethods,
  errors,
  schemaDocuments,
  sharing,
  membersShared,
  membersNotShared,
  membersBodies,
  membersLife,
  membersRaces,
  imagesCreate,
  imagesPatch,
  imagesAttributes,
  imagesLife,
  imagesAccess,
  lists,
  filtersAndSorting,
  upload,
  download,
  stage,
  importRequests,
  importFlows,
  importRemote,
  importRegions,
  tasks,
  cache,
  storesAndInfo,
  locations,
  metadefsNamespaces,
  metadefsLists,
  metadefsObjects,
  metadefsProperties,
  metadefsTags,
  metadefsResourceTypes,
  metadefsAccess,
  rawHttp,
  sharesMany,
  sharesTerms,
  inbox,
  withdrawal,
  usage,
  explain,
  rules,
  invitations,
  catalogueProducer,
  cataloguePages,
  catalogueHostile,
  cloudImages,
  standardAnswers,
  extensionRoles,
  extensionRequests,
  foreignThings,
  changesOfImage,
  extensionRaces,
  hostileValues,
  noticeAddresses,
  webhookCalls,
  noticeMails,
  activity,
  keys,
  keysUsed,
  keysTurned,
  encryption,
  sealedBytes,
  sharingEncrypted,
  grantsOfShares,
  keyStates,
  canBoot,
  copies,
  links,
  uploads,
  uploadsBroken,
  requests,
]
