#!/usr/bin/env node
// Plain JavaScript without new syntax: this file also has to run, and explain itself, on a Node that is too old.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'

const needed = 24
const found = Number(process.versions.node.split('.')[0])

/** The Node that the workspace installs for itself, when this is a clone. */
const ownNode = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url))

const startAgain = () => {
  const child = spawn(ownNode, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends its signals to both processes; the command takes signals that follow each other closely as one.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`vitrine: ${ownNode} cannot be started (${error.message}).`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    for (const name of signals) process.removeAllListeners(name)
    if (signal) process.kill(process.pid, signal)
    else process.exit(code)
  })
}

// The bytes of transfers pass through memory that lives for a moment only. With a small young generation the service takes
// half as much of it under load (docs/decisions/0011-memory-of-transfers.md). This can only be said when a
// process starts; so it starts anew in its own place, under its own number.
const youngGeneration = '--max-semi-space-size=8'

const servesWithOtherMemory = () =>
  process.argv[2] === 'serve' &&
  typeof process.execve === 'function' &&
  process.platform !== 'win32' &&
  !`${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`.includes('--max-semi-space-size')

if (found >= needed && servesWithOtherMemory()) {
  const words = [process.execPath, youngGeneration, ...process.execArgv, ...process.argv.slice(1)]
  process.execve(process.execPath, words, process.env)
}

if (found >= needed) {
  // Loads in a third of the time from the second start on.
  nodeModule.enableCompileCache()
  await import('../src/main.ts')
} else if (existsSync(ownNode)) {
  startAgain()
} else {
  console.error(`vitrine: Node ${needed} or newer is needed; this is Node ${process.versions.node}.`)
  process.exit(1)
}
