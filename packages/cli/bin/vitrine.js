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
