/**
 * The part of the doctor about pushes: are our Subscriptions there and awake, and does a push reach us?
 */
import { createHmac } from 'node:crypto';
import type { Subscription } from '@medplum/fhirtypes';
import type { ConfiguredConnection } from '../config.ts';
import { call } from '../connections/call.ts';
import type { ConnectionKind } from '../connections/connection.ts';
import type { Gate } from '../connections/gate.ts';
import { ownSubscriptions } from '../connections/subscribe.ts';
import { criteriaOf, DIALECTS } from '../connections/subscription-dialects.ts';
import type { IngressProof } from '../intake/prove-sender.ts';
import { OWN_PUSH } from '../intake/receive-push.ts';
import { REQUESTED_TOO_LONG_MS } from '../store/subscription-state.ts';
import { ago, bad, type Finding, good, reason, warning, withoutSecret } from './finding.ts';
import { setUpThere } from './set-up-there.ts';

const PUSH_WITHIN_MS = 15_000; // a third of it until the answer begins

export async function* subscriptionLines(
  gate: Gate,
  connection: ConfiguredConnection,
  now: Date,
): AsyncGenerator<Finding> {
  const dialect = DIALECTS[connection.kind];
  if (dialect === undefined)
    return yield good(
      `Its pushes are set up on its side; cramp-cds connect ${connection.id} says what they need.`,
    );
  const found = await ownSubscriptions(gate);
  if (found.outcome !== 'found')
    return yield bad(
      `Its Subscriptions can not be read: ${reason(found)}.`,
      'Let the client search and write Subscription.',
    );
  const states = connection.criteria.map((criteria) => {
    const all = found.resource.filter((subscription) => criteriaOf(subscription) === criteria);
    return { criteria, all, is: stateOf(all, connection, now) };
  });
  for (const same of Map.groupBy(states, ({ is }) => is.says).values()) {
    const [{ is } = { is: undefined }] = same;
    const named = same.map(({ criteria }) => criteria).join(', ');
    if (is !== undefined) yield { ...is, says: `Subscription to ${named}: ${is.says}` };
  }
  const failed = states.flatMap(({ all }) =>
    all.some(isActive) ? all.filter(({ status }) => status === 'error' || status === 'off') : [],
  );
  if (dialect.wakes === 'as-another' && failed.length > 0)
    yield good(`Of those that failed before, ${failed.length} are still there; delete them when you like.`);
}

function stateOf(all: readonly Subscription[], connection: ConfiguredConnection, now: Date): Finding {
  const one = all.find(isActive) ?? all.at(-1);
  const run = `cramp-cds connect ${connection.id}`;
  if (one === undefined)
    return bad(
      'there is none.',
      setUpThere(connection) === undefined ? `Run: ${run}` : `Make it there; ${run} says how.`,
    );
  if (isActive(one)) return good('active.');
  if (one.status !== 'requested')
    return bad(
      `${one.status}.`,
      `Run: ${run}. The server’s reason is in the error of Subscription/${one.id}.`,
    );
  const asked = new Date(one.meta?.lastUpdated ?? Number.NaN);
  if (!(now.getTime() - asked.getTime() > REQUESTED_TOO_LONG_MS))
    return warning('requested.', 'The server should activate it within ten minutes; look again then.');
  const says = `requested ${ago(asked, now)}, and never active: nothing is pushed.`;
  return bad(says, NEVER_ACTIVE[connection.kind] ?? NEVER);
}

function isActive({ status }: Subscription): boolean {
  return status === 'active';
}

const NEVER =
  'Does this server send rest-hooks, and may it reach us? Switch them on there, or leave ingress out.';
const NEVER_ACTIVE: Partial<Record<ConnectionKind, string>> = {
  hapi: 'HAPI sends no rest-hooks until they are switched on: hapi.fhir.subscription.resthook_enabled, or a Subscription module in Smile CDR.',
  medplum: 'Medplum activates nothing by itself: run cramp-cds connect, which asks for active.',
};

/** An empty push to our own address, with the proof that the server sends: it asks for a sweep and no more. */
export async function ownPushLine({ hookUrl, ingress }: ConfiguredConnection): Promise<Finding> {
  const shown = withoutSecret(hookUrl);
  const proof = ingress.map(ownProof).find((one) => one !== undefined);
  if (proof === undefined)
    return warning('Its pushes are proven by what only the server has, so none was tried from here.');
  const url = new URL(shown);
  for (const [name, value] of Object.entries(proof.query ?? {})) url.searchParams.set(name, value);
  const headers = { ...proof.headers, [OWN_PUSH]: 'doctor' };
  const answer = await call({ method: 'POST', url, headers, timeoutMs: PUSH_WITHIN_MS });
  const status = 'fault' in answer ? answer.fault : answer.status;
  if (status === 200) return good(`A push to ${shown} arrives.`);
  return status === 'network' || status === 'timeout' || status === 'tls'
    ? bad(
        `A push to ${shown} does not arrive (${status}).`,
        'Start the service, and let publicUrl be the address under which this machine and the server reach it.',
      )
    : bad(
        `A push to ${shown} is answered ${status}.`,
        'Another service, or one with other secrets, listens there.',
      );
}

interface OwnProof {
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

/** How we can prove ourselves as the server would; undefined when only it can. */
function ownProof(proof: IngressProof): OwnProof | undefined {
  switch (proof.type) {
    case 'hmac':
      return {
        headers: {
          [proof.header]: createHmac('sha256', proof.secrets[0] ?? '')
            .update('')
            .digest('hex'),
        },
      };
    case 'header':
      return { headers: { [proof.header]: proof.secrets[0] ?? '' } };
    case 'url':
      return { query: { [proof.parameter]: proof.secrets[0] ?? '' } };
    case 'jwt':
    case 'mtls':
      return undefined;
  }
}
