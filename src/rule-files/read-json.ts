/**
 * Reads one JSON file of the rule folder, refusing what JSON.parse silently accepts.
 */
import { readFileSync } from 'node:fs';
import type { Report } from './condition-check.ts';
import { placeOf } from './problems.ts';

/** Keys that would reach the prototype of every object. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** The parsed content, or undefined with every problem reported. */
export function readJson(path: string, report: Report): unknown {
  return parseJson(readFileSync(path, 'utf8'), report);
}

/** The same of a text that was read already. */
export function parseJson(text: string, report: Report): unknown {
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
  reportRepeatedKeys(text, value, say);
  reportForbiddenKeys(value, [], say);
  return problems === 0 ? value : undefined;
}

/** Every string of a JSON text, and whether it is a key. Linear on text that JSON.parse accepted. */
const STRINGS = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/** JSON.parse keeps the last of two equal keys silently; then the text has more keys than the value. */
function reportRepeatedKeys(text: string, value: unknown, report: Report): void {
  const written = [...text.matchAll(STRINGS)].filter(([, colon]) => colon !== undefined).length;
  if (written !== keysIn(value)) report('', 'has a key twice in one place');
}

function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value).reduce<number>((sum, part) => sum + keysIn(part), 0);
  return Array.isArray(value) ? inner : inner + Object.keys(value).length;
}

function reportForbiddenKeys(value: unknown, path: PropertyKey[], report: Report): void {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (FORBIDDEN_KEYS.has(key)) report(placeOf(at), 'this key is not allowed');
    else reportForbiddenKeys((value as Record<string, unknown>)[key], at, report);
  }
}
