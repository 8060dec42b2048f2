export { ConfigError } from './config.ts'
export { rotateMasterKey } from './keys/embedded/master-key.ts'
export { type RunningServer, type StartOptions, startServer } from './start.ts'
