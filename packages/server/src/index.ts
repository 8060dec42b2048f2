export { ConfigError } from './config.ts'
export { type RunningServer, type StartOptions, startServer } from './start.ts'
