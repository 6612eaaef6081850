/**
 * Reads JSON from outside under limits.
 *
 * Why a look before `JSON.parse`: it accepts nesting that later overflows the stack, keeps the last of two
 * members of the same name without a word, turns 1e400 into Infinity, and takes `__proto__` for a name.
 * One pass over the text finds all four; `JSON.parse` then judges the grammar.
 * Source of the limits: trust S20.
 */
import { isObject } from '../vocabulary/json.ts';
import { Refusal } from './refusal.ts';

const DEEPEST = 64;
const MOST_NODES = 50_000;
const MOST_NODES_OF_BUNDLE = 1_000_000;
const MOST_MEMBERS = 1000; // of one object; no resource has a tenth of it
const TOO_MANY = 'the body has too many elements';
const FORBIDDEN: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const NUMBER = /-?[0-9][0-9.eE+-]*/y;

const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;
const COMMA = 44;
const MINUS = 45;

/**
 * @param mostNodes values in a body that is no Bundle
 * @throws Refusal `malformed`, in words that quote nothing of the body.
 */
export function readJson(body: Uint8Array, mostNodes = MOST_NODES): unknown {
  const text = decoded(body);
  // What can not be a Bundle is not looked at to its end: a hostile body would hold up everybody else.
  const nodes = countNodes(text, text.includes('"Bundle"') ? MOST_NODES_OF_BUNDLE : mostNodes);
  const value = parsed(text);
  const isBundle = isObject(value) && value.resourceType === 'Bundle';
  if (nodes > mostNodes && !isBundle) throw malformed(TOO_MANY);
  return value;
}

function decoded(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw malformed('the body is not UTF-8');
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('the body is not JSON');
  }
}

/** Walks the tokens once. @returns how many values there are; not above `most`. */
function countNodes(text: string, most: number): number {
  const names: (Set<string> | undefined)[] = []; // one per open bracket; undefined for an array
  let nodes = 1;
  let backslash = indexOf(text, '\\', 0); // the next one
  for (let at = 0; at < text.length; ) {
    if (nodes > most) throw malformed(TOO_MANY);
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      if (backslash < at) backslash = indexOf(text, '\\', at);
      const end = endOfString(text, at);
      checkString(text, at, end, names.at(-1), backslash < end);
      at = end;
      continue;
    }
    if (code === COMMA) nodes += 1;
    else if (code === 0x7b || code === 0x5b) {
      nodes += 1;
      if (names.push(code === 0x7b ? new Set() : undefined) > DEEPEST)
        throw malformed('the body is nested too deeply');
    } else if (code === 0x7d || code === 0x5d) names.pop();
    else if (code === MINUS || (code >= 48 && code <= 57)) {
      at = endOfNumber(text, at);
      continue;
    }
    at += 1;
  }
  return nodes;
}

/** Beyond all when there is none. */
function indexOf(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from);
  return at === -1 ? text.length : at;
}

function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let unescaped = at;
    while (text.charCodeAt(unescaped - 1) === BACKSLASH) unescaped -= 1;
    if ((at - unescaped) % 2 === 0) return at + 1;
  }
  throw malformed('the body is not JSON');
}

function endOfNumber(text: string, start: number): number {
  NUMBER.lastIndex = start;
  const token = NUMBER.exec(text)?.[0] ?? '-';
  if (token.length > 2 && Math.abs(Number(token)) === Number.POSITIVE_INFINITY) {
    throw malformed('the body has a number that is too large');
  }
  return start + token.length;
}

function checkString(
  text: string,
  start: number,
  end: number,
  names: Set<string> | undefined,
  isEscaped: boolean,
): void {
  const isName = names !== undefined && isFollowedByColon(text, end);
  if (!isName && !isEscaped) return;
  const value = isEscaped ? String(parsed(text.slice(start, end))) : text.slice(start + 1, end - 1);
  // What no database stores and no clinician wrote: refused here, with words, and not by an insert.
  if (value.includes('\u0000') || !value.isWellFormed())
    throw malformed('the body has text that is not Unicode');
  if (!isName) return;
  if (FORBIDDEN.has(value)) throw malformed('the body has a member name that is not allowed');
  if (names.has(value)) throw malformed('the body has an object with the same member twice');
  if (names.add(value).size > MOST_MEMBERS) throw malformed(TOO_MANY);
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (text.charCodeAt(at) <= 32) at += 1;
  return text.charCodeAt(at) === COLON;
}

function malformed(text: string): Refusal {
  return new Refusal('malformed', text);
}
