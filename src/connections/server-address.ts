/**
 * Which addresses belong to a FHIR server.
 *
 * Why: `next` links and references come from data. One that leads elsewhere would carry a token and a
 * patient's id to a stranger. Scheme, host, port and path prefix are compared after parsing; never as text.
 */
import { isFhirId } from '../vocabulary/ids.ts';

const TYPE = /^[A-Z][A-Za-z]{1,63}$/;

export interface ServerAddress {
  /** The FHIR base, ending in '/'. */
  readonly base: URL;
  /**
   * @param link absolute, or relative to the base
   * @returns the address to ask, on the base itself also when the link names an alias; undefined when foreign
   */
  own(link: string): URL | undefined;
}

/** @throws Error when the base or an alias is not an http(s) address, or carries a user, query or fragment. */
export function serverAddress(base: string, aliases: readonly string[] = []): ServerAddress {
  const root = rootOf(base);
  const roots = [root, ...aliases.map(rootOf)];
  return {
    base: root,
    own(link) {
      const url = parse(link, root);
      if (url === undefined || url.username !== '' || url.password !== '' || leavesAgain(url))
        return undefined;
      const home = roots.find((candidate) => isInside(url, candidate));
      if (home === undefined) return undefined;
      return home === root ? url : new URL(inside(url, home), root);
    },
  };
}

/** Can this type and id be put into an address without leaving the base? */
export function isSafeTarget(type: string, id: string): boolean {
  return TYPE.test(type) && isFhirId(id) && !/^\.+$/.test(id);
}

export function isSafeType(type: string): boolean {
  return TYPE.test(type);
}

function rootOf(text: string): URL {
  const url = parse(text.endsWith('/') ? text : `${text}/`);
  const plain =
    url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '';
  if (!plain || url.hash !== '')
    throw new Error('a FHIR base is an http(s) address without user, query or fragment');
  return url;
}

function parse(text: string, base?: URL): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

function isInside(url: URL, root: URL): boolean {
  const atRoot = `${url.pathname}/` === root.pathname; // '[base]?_getpages=...'
  return url.origin === root.origin && (atRoot || url.pathname.startsWith(root.pathname));
}

function inside(url: URL, root: URL): string {
  const path = url.pathname.startsWith(root.pathname) ? url.pathname.slice(root.pathname.length) : '';
  return `./${path}${url.search}`;
}

/** Encoded dots and slashes that a proxy might decode after we looked. */
function leavesAgain(url: URL): boolean {
  return /%2e|%2f|%5c|\\/i.test(url.pathname);
}
