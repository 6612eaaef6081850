/**
 * The part of the configuration that says how pushes of a connection prove themselves.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { SecretSources } from '../connections/secret-source.ts';
import type { IngressProof } from '../intake/prove-sender.ts';

export const SHORTEST_SECRET = 32; // characters; trust S1

export const Url = z.url({ protocol: /^https?$/ });
const Header = z.string().regex(/^[A-Za-z0-9-]+$/, 'must be a header name');
const Trust = z.enum(['body', 'hint']);
const trust = Trust.optional(); // of this proof alone
const Network = z.string().refine(isNetwork, 'must be an address or a network such as 10.1.0.0/16');

const Proof = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('hmac'), header: Header, secretFrom: SecretSources, trust }),
  z.strictObject({ type: z.literal('header'), header: Header, secretFrom: SecretSources, trust }),
  z.strictObject({
    type: z.literal('url'),
    parameter: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,31}$/)
      .default('key'),
    secretFrom: SecretSources,
  }),
  z.strictObject({
    type: z.literal('jwt'),
    issuer: z.string().min(1),
    audience: z.string().min(1),
    jwksUrl: Url.refine(isPrivate, 'must be https, except on this machine'),
    claims: z.record(z.string(), z.string()).default({}),
    trust,
  }),
  z
    .strictObject({
      type: z.literal('mtls'),
      subjects: z.array(z.string().min(1)).min(1),
      // Of a proxy that checks certificates for us; without both we check them ourselves.
      header: Header.optional(),
      proxies: z.array(Network).min(1).optional(),
      trust,
    })
    .refine(
      ({ header, proxies }) => (header === undefined) === (proxies === undefined),
      'header and proxies belong together: a proxy checks the certificate and names its subject',
    ),
]);

export const Ingress = z.strictObject({
  auth: z.array(Proof).min(1, 'names at least one way for pushes to prove themselves'),
  trust: Trust.default('hint'),
  hintsPerSecond: z.number().positive().max(10_000).optional(),
  eventOrigins: z.array(z.string().min(1)).min(1).optional(),
  reportedSite: z.string().min(1).optional(),
  eventNumbers: z.enum(['trusted', 'untrusted']).optional(),
});

/** What intake needs of a connection, beside its base. */
export interface IngressSettings {
  /** How pushes prove themselves; any one of them will do. Empty for a server that pushes nothing. */
  readonly ingress: readonly IngressProof[];
  readonly hintsPerSecond?: number;
  readonly eventOrigins?: readonly string[];
  readonly reportedSite?: string;
  readonly eventNumbers?: 'trusted' | 'untrusted';
  /** What a server is told to send: the secret of the first proof that has one. */
  readonly ingressSecret?: string;
  readonly ingressHeader?: string;
}

/** @param secretAt the secret kept at a source; tells a problem with the given setting when there is none */
export function ingressOf(
  file: z.infer<typeof Ingress> | undefined,
  where: string,
  secretAt: (source: string, at: string) => string,
): { readonly settings: IngressSettings; readonly hookQuery: string } {
  if (file === undefined) return { settings: { ingress: [] }, hookQuery: '' };
  const { auth, trust: usual, hintsPerSecond, eventOrigins, reportedSite, eventNumbers } = file;
  const ingress = auth.map((proof, index) =>
    proofOf(proof, usual, (source) => secretAt(source, `${where}.auth.${index}.secretFrom`)),
  );
  return {
    settings: {
      ingress,
      ...sentSecret(ingress),
      ...(hintsPerSecond !== undefined && { hintsPerSecond }),
      ...(eventOrigins !== undefined && { eventOrigins }),
      ...(reportedSite !== undefined && { reportedSite }),
      ...(eventNumbers !== undefined && { eventNumbers }),
    },
    hookQuery: hookQuery(ingress[0]),
  };
}

function proofOf(
  proof: z.infer<typeof Proof>,
  usual: z.infer<typeof Trust>,
  secretAt: (source: string) => string,
): IngressProof {
  switch (proof.type) {
    case 'hmac':
    case 'header':
      return {
        type: proof.type,
        header: proof.header.toLowerCase(),
        secrets: proof.secretFrom.map(secretAt),
        trust: proof.trust ?? usual,
      };
    case 'url':
      return {
        type: 'url',
        parameter: proof.parameter,
        secrets: proof.secretFrom.map(secretAt),
        trust: 'hint',
      };
    case 'jwt':
      return { ...proof, trust: proof.trust ?? usual };
    case 'mtls': {
      const { subjects, header, proxies, trust: own = usual } = proof;
      const proxy = header && proxies && { header: header.toLowerCase(), addresses: proxies };
      return { type: 'mtls', subjects, trust: own, ...(proxy && { proxy }) };
    }
  }
}

function sentSecret(
  ingress: readonly IngressProof[],
): Pick<IngressSettings, 'ingressSecret' | 'ingressHeader'> {
  const first = ingress.find((proof) => proof.type === 'hmac' || proof.type === 'header');
  const secret = first?.secrets[0];
  return first === undefined || secret === undefined
    ? {}
    : { ingressSecret: secret, ingressHeader: first.header };
}

/** The address that servers are told, when a secret in it is all that a push can carry. */
function hookQuery(first: IngressProof | undefined): string {
  if (first?.type !== 'url') return '';
  return `?${first.parameter}=${encodeURIComponent(first.secrets[0] ?? '')}`;
}

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

function isPrivate(url: string): boolean {
  return url.startsWith('https:') || isLoopback(url);
}

export function isLoopback(base: string): boolean {
  const { hostname } = new URL(base);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}
