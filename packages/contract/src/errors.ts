/**
 * The one table of errors. `message` says what happened and why, `next` what to do about it; both are plain sentences
 * without markup, and neither tells anything about what the caller may not see. `{name}` is filled in by `errorText`.
 * Routes throw from this table; the reference page of errors, the SDK's classes and the CLI's exit codes follow it.
 */
export const errorTable = {
  // 400: the request itself is wrong
  malformed_request: { status: 400, message: 'The request is not valid HTTP: {why}.', next: '' },
  malformed_json: { status: 400, message: 'The request body is not valid JSON: {why}.', next: '' },
  malformed_path: {
    status: 400,
    message: 'The address of the request is not percent-encoded UTF-8, or holds # or U+0000.',
    next: '',
  },
  body_missing: { status: 400, message: 'This call needs a JSON body and none was sent.', next: '' },
  body_not_allowed: { status: 400, message: 'This call takes no body.', next: 'Send it without one.' },
  invalid_body: { status: 400, message: 'The request body is not acceptable: {why}.', next: '' },
  invalid_parameter: { status: 400, message: 'The query parameter {name} is not acceptable: {why}.', next: '' },
  invalid_header: { status: 400, message: 'The header {name} is not acceptable: {why}.', next: '' },
  invalid_attribute: { status: 400, message: 'The attribute {name} is not acceptable: {why}.', next: '' },
  invalid_patch: { status: 400, message: 'The patch is not acceptable: {why}.', next: '' },
  invalid_tag: { status: 400, message: 'The tag is not acceptable: {why}.', next: '' },
  invalid_member_status: {
    status: 400,
    message: 'The status must be one of pending, accepted, rejected, in lower case.',
    next: '',
  },
  invalid_marker: {
    status: 400,
    message: 'The marker {marker} is not the id of an item that you can see.',
    next: 'Start again from the first page.',
  },
  unknown_store: { status: 400, message: 'There is no store named {store}.', next: '' },
  formats_missing: {
    status: 400,
    message: 'The image has no {missing}, which must be set before bytes are uploaded.',
    next: 'Set it with PATCH, then upload again.',
  },
  import_address_refused: {
    status: 400,
    message: 'Nothing is imported from this address: {why}.',
    next: 'Choose another, or upload the bytes.',
  },
  import_failed: {
    status: 400,
    message: 'The bytes could not be fetched: {why}.',
    next: 'The image is queued again; import it anew, or upload the bytes.',
  },
  import_token_gone: {
    status: 400,
    message: 'The service was restarted, and does not know the token any more in whose name it fetched the bytes.',
    next: 'The image is queued again; import it anew.',
  },
  import_no_store: {
    status: 400,
    message: 'No store could take the bytes.',
    next: 'The image is queued again; import it anew, or tell the operator.',
  },
  task_given_up: {
    status: 400,
    message: 'The service ended {attempts} times in the midst of this work, and does not begin it again.',
    next: 'Tell the operator, then import the image anew.',
  },
  size_mismatch: {
    status: 400,
    message: '{announced} bytes were announced and {received} arrived.',
    next: 'The image is queued again; repeat the upload.',
  },
  expectation_failed: {
    status: 400,
    message: 'The bytes are not those that were expected: their {what} is {found}, and {expected} was stated.',
    next: 'The image is queued again; correct what was stated or the file, and repeat.',
  },
  signature_refused: {
    status: 400,
    message: 'The signature of the image does not hold: {why}.',
    next: 'The image is queued again; correct its img_signature properties or the file, and repeat.',
  },
  upload_incomplete: {
    status: 400,
    message: 'The upload broke off before its end.',
    next: 'The image is queued again; repeat the upload.',
  },
  upload_stopped: {
    status: 400,
    message: 'The request broke off; what arrived of it is kept.',
    next: 'Ask where the upload stands with HEAD, and go on from there.',
  },
  cache_not_active: {
    status: 400,
    message: 'Only active images are cached; this one is {status}.',
    next: '',
  },
  cache_target_unknown: {
    status: 400,
    message: 'x-image-cache-clear-target is {target}; it can be cache, queue, or left out for both.',
    next: '',
  },
  multiple_ranges: { status: 400, message: 'Only one range can be asked for at a time.', next: '' },

  // 401: who are you
  token_missing: {
    status: 401,
    message: 'The request carries no token.',
    next: 'Authenticate and send the token in X-Auth-Token.',
  },
  token_invalid: {
    status: 401,
    message: 'The token is not valid, has expired or was revoked.',
    next: 'Authenticate again.',
  },
  credentials_refused: { status: 401, message: 'The credentials or the scope were refused.', next: '' },

  // 403: you see it, but may not do this
  scope_required: {
    status: 403,
    message: 'This call needs a token scoped to a project.',
    next: 'Authenticate with a project.',
  },
  role_required: { status: 403, message: 'This call needs the role {role} on your project.', next: '' },
  forbidden: { status: 403, message: 'Your project may see this image but not {what}.', next: '' },
  owner_fixed: { status: 403, message: 'The owner of an image can only be set by an administrator.', next: '' },
  public_needs_admin: {
    status: 403,
    message: 'Only an administrator can make an image public.',
    next: 'Share it with projects, or set its visibility to community.',
  },
  read_only: { status: 403, message: 'The attribute {name} is read-only.', next: '' },
  reserved: { status: 403, message: 'The name {name} is reserved.', next: 'Choose another name.' },
  base_attribute: { status: 403, message: 'The attribute {name} cannot be removed.', next: 'Replace its value.' },
  formats_fixed: {
    status: 403,
    message: 'The attribute {name} can only be changed while the image is queued.',
    next: '',
  },
  locations_hidden: { status: 403, message: 'Locations of images are not open to clients here.', next: '' },
  image_protected: {
    status: 403,
    message: 'The image is protected and cannot be deleted.',
    next: 'Set its attribute protected to false first.',
  },
  image_deactivated: {
    status: 403,
    message: 'The image is deactivated; its bytes are locked.',
    next: 'Ask its owner to reactivate it.',
  },
  wrong_status: { status: 403, message: 'An image that is {status} cannot be {wanted}.', next: '' },
  members_need_shared: {
    status: 403,
    message: 'Only an image whose visibility is shared has members; this one is {visibility}.',
    next: 'Set its visibility to shared first.',
  },
  member_status_of_owner: {
    status: 403,
    message: 'Only the consumer sets the status of its membership.',
    next: 'Ask project {member} to accept or reject.',
  },
  members_by_owner: {
    status: 403,
    message: 'Only the owner of the image adds and removes members.',
    next: 'To take a shared image out of your list, set your status to rejected.',
  },

  invitation_domain: {
    status: 403,
    message: 'This invitation is for projects with a confirmed address in {domain}, and yours has none.',
    next: 'Add an address in that domain to the notices of your project, confirm it, and claim again.',
  },
  own_image: { status: 403, message: 'The image belongs to your own project.', next: '' },

  key_not_granted: {
    status: 403,
    message: 'The image is encrypted, and project {project} may not use its key {key}.',
    next: 'Project {owner}, which the key belongs to, can let it: vitrine key grant {key} {project}; or share with --grant.',
  },
  key_unknown: {
    status: 403,
    message: 'The image is encrypted, and the key manager of this service knows no key {key} of its owner.',
    next: 'Nobody can be let use it here; share an image that is sealed by the service, or not encrypted.',
  },
  key_unnamed: {
    status: 403,
    message: 'The image is marked as encrypted and does not say with which key, so nobody can be let use that.',
    next: 'Name the key in its property __system__cmkid, or share an image that is sealed by the service.',
  },
  key_never_granted: {
    status: 403,
    message: 'The key {key} is marked as never to be used by other projects.',
    next: 'Copy the image under another key, and share the copy: vitrine image copy IMAGE --key KEY',
  },
  key_of_other: {
    status: 403,
    message: 'Only project {owner}, which the key {key} belongs to, can let others use it.',
    next: '',
  },
  key_not_adopted: {
    status: 403,
    message: 'The key {key} was made in the key manager itself, so the service lets nobody use it.',
    next: 'Put it into the care of the service: vitrine key create --secret {key}; or let the project use it there.',
  },
  key_not_held: {
    status: 403,
    message: 'The image is encrypted, and your project may not use its key {key}.',
    next: 'Ask project {owner}, which the key belongs to, for: vitrine key grant {key} {project}',
  },
  key_disabled: {
    status: 403,
    message: 'The key {key} is disabled; nothing that it encrypts can be read or written.',
    next: 'The project that it belongs to can enable it: vitrine key enable {key}',
  },

  namespace_protected: {
    status: 403,
    message: 'The namespace {namespace} is protected: neither it nor what is in it can be deleted.',
    next: 'Set its attribute protected to false first.',
  },

  identity_forbidden: { status: 403, message: 'Your token does not allow this call.', next: '' },
  token_chain_too_long: {
    status: 403,
    message: 'This token was made from too many others, one from the next.',
    next: 'Authenticate with a password or an application credential.',
  },
  credential_restricted: {
    status: 403,
    message: 'This application credential is restricted: it cannot manage accounts or credentials.',
    next: 'Use a password, or an application credential that was created as unrestricted.',
  },

  // 404: it is not there, or not for you; the two are never told apart
  route_not_found: { status: 404, message: 'There is nothing at this path.', next: '' },
  image_not_found: {
    status: 404,
    message: 'No image {image} is visible to your project.',
    next: 'Check the id, and that the image is still shared with you.',
  },
  member_not_found: { status: 404, message: 'Image {image} has no member {member} that you can see.', next: '' },
  tag_not_found: { status: 404, message: 'The image has no tag {tag}.', next: '' },

  cache_off: {
    status: 404,
    message: 'This service caches no images.',
    next: 'The setting cache_size_bytes gives the cache room.',
  },
  resource_not_found: {
    status: 404,
    message: 'There is no {kind} {id} that you can see.',
    next: '',
  },
  invitation_not_found: {
    status: 404,
    message: 'There is no such invitation for your project.',
    next: 'Check the code, and that you are signed in to the project that it is for.',
  },
  link_not_found: {
    status: 404,
    message: 'This link is not valid.',
    next: 'Copy it whole from the mail, or ask again.',
  },

  image_link_not_found: {
    status: 404,
    message: 'This link to the bytes of an image does not work, or not any more.',
    next: 'Make a new one: POST /v2/images/IMAGE/links, or vitrine link IMAGE.',
  },
  identity_not_found: { status: 404, message: 'There is no {kind} {id}.', next: '' },

  // 405
  method_not_allowed: { status: 405, message: '{method} is not possible here; possible: {allow}.', next: '' },

  // 408
  request_timeout: { status: 408, message: 'The request did not arrive in time.', next: 'Send it again.' },

  // 409: it clashes with what is there
  image_exists: { status: 409, message: 'The image id {image} is taken, now or in the past.', next: 'Choose another.' },
  member_exists: { status: 409, message: 'Project {member} is a member of the image already.', next: '' },
  image_not_queued: {
    status: 409,
    message: 'Bytes can be uploaded only to a queued image; this one is {status}.',
    next: 'The bytes of an image never change; create a new image.',
  },
  import_wrong_status: {
    status: 409,
    message: 'An image is imported by {method} when it is {wanted}; this one is {status}.',
    next: '',
  },
  import_formats_missing: {
    status: 409,
    message: 'The image has no {missing}, which must be set before its bytes are imported.',
    next: 'Set it with PATCH while the image is queued.',
  },
  formats_changed: {
    status: 409,
    message: 'The formats of the image were changed while its bytes came.',
    next: 'The image is queued again; import it anew.',
  },
  import_running: {
    status: 409,
    message: 'The image is being imported already, by the task {task}.',
    next: 'Wait until it has ended.',
  },
  import_staging: {
    status: 409,
    message: 'The bytes of the image are still arriving.',
    next: 'Import it when staging them has ended.',
  },
  cache_not_central: {
    status: 409,
    message: 'Each machine of this service has a cache of its own and does not know the others.',
    next: 'Ask each of them: GET /v2/cache',
  },
  copy_not_active: {
    status: 409,
    message: 'Copies are removed from stores only of an active image; this one is {status}.',
    next: '',
  },
  import_store_unknown: { status: 409, message: 'There is no store named {store}.', next: '' },
  last_copy: {
    status: 403,
    message: 'The image is in no other store than this one.',
    next: 'Delete the image, or copy it to another store first.',
  },
  upload_offset: {
    status: 409,
    message: 'The upload stands at byte {offset}, and the request begins at byte {sent}.',
    next: 'Go on from where it stands.',
  },
  property_missing: { status: 409, message: 'The image has no property {name}.', next: 'Use add to create it.' },
  property_exists: { status: 409, message: 'The image has {name} already.', next: 'Use replace to change it.' },
  producer_required: {
    status: 409,
    message: 'Your project has no profile in the catalogue yet.',
    next: 'Make one with PUT /v2/producer, then publish.',
  },
  handle_taken: {
    status: 409,
    message: 'The handle {handle} is taken, or looks like one that is.',
    next: 'Choose another.',
  },
  image_listed: { status: 409, message: 'The image is in the catalogue already.', next: 'Change its listing instead.' },
  not_requestable: {
    status: 409,
    message: 'Access to this image cannot be asked for at the moment.',
    next: 'Ask its producer.',
  },
  request_decided: { status: 409, message: 'The request is {state} and cannot be decided any more.', next: '' },
  conflict: { status: 409, message: '{why}.', next: '' },

  // 410
  invitation_ended: {
    status: 410,
    message: 'This invitation is {state}.',
    next: 'Ask the producer for a new one.',
  },
  upload_cancelled: { status: 410, message: 'The upload was called off.', next: 'Begin a new one.' },
  upload_expired: {
    status: 410,
    message: 'The upload was given up, because nothing had come of it for {hours} hours.',
    next: 'The image is queued again; begin a new upload.',
  },
  image_deleted: { status: 410, message: 'The image was deleted while its bytes were arriving.', next: '' },

  // 412
  precondition_failed: {
    status: 412,
    message: 'The bytes are not those that If-Match or If-Unmodified-Since asks for.',
    next: '',
  },
  tus_version: {
    status: 412,
    message: 'Resumable uploads are spoken in version 1.0.0 of tus.',
    next: 'Say so in the header Tus-Resumable.',
  },

  // 413: too much
  upload_exceeds: {
    status: 413,
    message: 'The upload was announced with {size} bytes, and the request goes beyond them.',
    next: '',
  },
  body_too_large: { status: 413, message: 'The request body is larger than {limit} bytes.', next: '' },
  image_too_large: { status: 413, message: 'The image is larger than the {limit} bytes allowed.', next: '' },
  virtual_size_too_large: {
    status: 413,
    message: 'The disk in the image is too large: {why}.',
    next: 'The image is queued again; upload a smaller disk, or ask the operator for more.',
  },
  storage_quota: {
    status: 413,
    message: 'Your project may store {limit} bytes of images; {used} are used and this upload needs more.',
    next: 'Delete images that you no longer need, or ask the operator for more.',
  },
  stage_quota: {
    status: 413,
    message: 'Your project may stage {limit} bytes; {used} are staged and this one needs more.',
    next: 'Import or delete images that are staged, or ask the operator for more.',
  },
  uploading_quota: {
    status: 413,
    message: 'Bytes may arrive for {limit} images of your project at the same time, and they do for {used}.',
    next: 'Wait until one of them is done.',
  },
  store_full: { status: 413, message: 'The store has no room left for this image.', next: 'Tell the operator.' },
  image_quota: {
    status: 413,
    message: 'Your project may have {limit} images and has them.',
    next: 'Delete images that you no longer need, or ask the operator for more.',
  },
  member_quota: {
    status: 413,
    message: 'The image may have {limit} members and has {used}.',
    next: 'Remove a member first.',
  },
  property_quota: {
    status: 413,
    message: 'An image may have {limit} custom properties; this would be {used}.',
    next: '',
  },
  property_size_quota: {
    status: 413,
    message: 'The properties of an image may have {limit} characters together; these would have {used}.',
    next: '',
  },
  resource_quota: {
    status: 413,
    message: 'Your project may have {limit} {kind} and has them.',
    next: 'Remove one first.',
  },
  metadef_quota: {
    status: 413,
    message: 'There can be {limit} {kind}, and this would be more.',
    next: 'Remove some first, or ask the operator for more.',
  },
  tag_quota: { status: 413, message: 'An image may have {limit} tags; this would be {used}.', next: '' },

  // 415, 416, 423, 429, 431
  patch_media_type: { status: 415, message: 'PATCH takes {accepted}.', next: 'Set the Content-Type to one of them.' },
  data_media_type: { status: 415, message: 'Bytes are sent as application/octet-stream.', next: '' },
  upload_media_type: {
    status: 415,
    message: 'The parts of a resumable upload are sent as application/offset+octet-stream.',
    next: '',
  },
  content_mismatch: {
    status: 415,
    message: 'The bytes do not match the disk_format {format}: {why}.',
    next: 'The image is queued again; correct disk_format or the file, and repeat the upload.',
  },
  range_not_satisfiable: { status: 416, message: 'The range lies outside the {size} bytes of the image.', next: '' },
  upload_busy: {
    status: 423,
    message: 'The upload is {doing}.',
    next: 'Ask where it stands with HEAD in a moment.',
  },
  too_many_attempts: {
    status: 429,
    message: 'Too many failed attempts to authenticate.',
    next: 'Wait {seconds} seconds.',
  },
  too_many_requests: {
    status: 429,
    message: 'Too many {what} in a short time.',
    next: 'Try again in {seconds} seconds.',
  },
  request_id_too_long: { status: 431, message: 'X-OpenStack-Request-Id is longer than 64 characters.', next: '' },
  upload_checksum: {
    status: 460,
    message: 'The bytes of the request are not those of its {algorithm}; none of them is kept.',
    next: 'Send them again.',
  },
  headers_too_large: { status: 431, message: 'The headers of the request are too large.', next: '' },

  // 500, 501, 503: not your fault
  internal: {
    status: 500,
    message: 'The service failed on this request.',
    next: 'Tell the operator the request id in X-OpenStack-Request-Id.',
  },
  key_damaged: {
    status: 500,
    message: 'The key {key} cannot be opened: what is kept of it is damaged, or sealed under another master key.',
    next: 'Tell the operator the request id in X-OpenStack-Request-Id.',
  },
  image_damaged: {
    status: 500,
    message: 'The stored bytes of the image are damaged: they are not those that were uploaded.',
    next: 'Tell the operator the request id in X-OpenStack-Request-Id, and upload or copy the image anew.',
  },
  key_manager_unavailable: {
    status: 503,
    message: 'The key manager does not answer, so the key of the image cannot be used or asked about.',
    next: 'Nothing was changed; try again in a moment.',
  },
  certificate_unreadable: {
    status: 503,
    message: 'The service has the certificate {id} of the signature, and cannot read it.',
    next: 'Tell the operator the request id in X-OpenStack-Request-Id; the log says why.',
  },
  key_manager_missing: {
    status: 503,
    message: 'This service has no key manager, which this call needs.',
    next: 'Tell the operator to set VITRINE_KEY_MANAGER.',
  },
  identity_unavailable: {
    status: 503,
    message: 'The identity service does not answer, so the token cannot be checked.',
    next: 'Try again in a moment.',
  },
  database_unavailable: {
    status: 503,
    message: 'The database of the service does not answer.',
    next: 'Try again in a moment.',
  },
  mail_missing: {
    status: 503,
    message: 'This service sends no mail, which this call needs.',
    next: 'Tell the operator to set VITRINE_SMTP_URL.',
  },
  identity_busy: {
    status: 503,
    message: 'Too many credentials are being checked right now.',
    next: 'Try again in a moment.',
  },
  store_unavailable: {
    status: 503,
    message: 'The store of the bytes does not answer.',
    next: 'Try again in a moment.',
  },
  upload_lost: {
    status: 503,
    message: 'The service was silent for so long that the upload was given up.',
    next: 'The image is queued again; repeat the upload.',
  },
  stopping: { status: 503, message: 'The service is stopping.', next: 'Try again in a moment.' },
} as const satisfies Record<string, { status: number; message: string; next: string }>

export type ErrorCode = keyof typeof errorTable

type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never

/** The values that the sentences of one error need. */
export type ErrorValues<Code extends ErrorCode> = Record<
  Names<(typeof errorTable)[Code]['message']> | Names<(typeof errorTable)[Code]['next']>,
  string | number
>

/** Reason phrases, by status; the `title` of an error. */
const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  416: 'Requested Range Not Satisfiable',
  423: 'Locked',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  460: 'Checksum Mismatch',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
}

/** What an error looks like on the wire. */
export interface ErrorDocument {
  error: { code: number; title: string; message: string }
}

// Values come from requests: no control characters, nothing that a page could take for markup, nothing endless.
const clean = (value: string | number): string =>
  String(value)
    .replace(/[\p{Cc}\p{Cs}<>]/gu, '?')
    .slice(0, 300)

/** The sentences of an error with its values filled in. */
export const errorText = <Code extends ErrorCode>(code: Code, values: ErrorValues<Code>): string => {
  const entry = errorTable[code]
  const given: Record<string, string | number> = values
  const text = entry.next === '' ? entry.message : `${entry.message} ${entry.next}`
  return text.replace(/\{(\w+)\}/g, (_, name: string) => clean(given[name] ?? ''))
}

/** @param status one of the statuses of the table */
export const errorTitle = (status: number): string => titles[status] ?? 'Error'

/** The JSON body of an error. The message never holds markup. */
export const errorDocument = (status: number, message: string): ErrorDocument => ({
  error: { code: status, title: errorTitle(status), message },
})
