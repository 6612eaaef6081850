#!/usr/bin/env node
/**
 * Starts cramp-cds on Node 24, also where the system has an older one.
 *
 * The sources are TypeScript that Node runs as it is, so there is nothing to build; the project brings its
 * own Node as a development dependency. Code generation from strings is off in the process that runs.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
const FLAGS = [
  '--disallow-code-generation-from-strings',
  '--disable-proto=delete',
  '--max-semi-space-size=16', // MiB; by itself it takes 64, which is memory for little speed
  '--disable-warning=ExperimentalWarning',
];
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const brought = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
const isNew = Number(process.versions.node.split('.')[0]) >= NEEDED;
const node = isNew ? process.execPath : brought;

if (!isNew && !existsSync(brought)) {
  console.error(
    `cramp-cds needs Node ${NEEDED} or later; this is ${process.versions.node}, and "npm ci" has not brought one along.`,
  );
  process.exit(1);
}

const child = spawn(node, [...FLAGS, main, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + 15));
