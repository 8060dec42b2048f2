/** The tests' S3 server, in a process of its own: it keeps objects in memory. */
import { startS3Server } from '../../packages/server/src/testing/s3-server.ts'

const { url } = await startS3Server()
process.stdout.write(`listens on ${url}\n`)
