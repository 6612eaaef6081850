/**
 * Reads one JSON file of the rule folder, refusing what JSON.parse silently accepts.
 */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { Report } from './condition-check.ts';
import { placeOf } from './problems.ts';

/** Keys that would reach the prototype of every object. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** The parsed content, or undefined with every problem reported. */
export function readJson(path: string, report: Report): unknown {
  const text = readFileSync(path, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    report('', `is not JSON: ${error instanceof Error ? error.message : 'unreadable'}`);
    return undefined;
  }
  let problems = 0;
  const say: Report = (at, reason) => {
    problems += 1;
    report(at, reason);
  };
  reportRepeatedKeys(text, say);
  reportForbiddenKeys(value, [], say);
  return problems === 0 ? value : undefined;
}

/** JSON is YAML, and a YAML reader notices a key that is there twice; JSON.parse keeps the last silently. */
function reportRepeatedKeys(text: string, report: Report): void {
  for (const { code, linePos } of parseDocument(text, { uniqueKeys: true }).errors) {
    if (code === 'DUPLICATE_KEY') report('', `has a key twice, near line ${linePos?.[0].line}`);
  }
}

function reportForbiddenKeys(value: unknown, path: PropertyKey[], report: Report): void {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (FORBIDDEN_KEYS.has(key)) report(placeOf(at), 'this key is not allowed');
    else reportForbiddenKeys((value as Record<string, unknown>)[key], at, report);
  }
}
