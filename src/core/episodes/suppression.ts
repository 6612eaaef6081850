/**
 * A clinician's answer to an open alert: how long it keeps the alert from being shown, and what breaks it.
 *
 * Why: an answered alert that stays away for ever hides the next danger, one that comes back the next
 * morning teaches people to click it away. A suppressed episode stays open and goes on being judged.
 * Source: clinical foundations 6, override reasons; resolutions 8 and 9.
 */
import { DAY, HOUR } from '../../vocabulary/instant.ts';
import {
  type Episode,
  type EpisodeChange,
  type OverrideReason,
  type Suppression,
  TIERS,
  type Tier,
} from '../decision.ts';

interface Window {
  /** Days for an alert that rests on a measured value. Absent: no end in time. */
  readonly days?: number;
  /** Days for any other alert, where they differ. */
  readonly daysWithoutValue?: number;
  readonly brokenBy: readonly ('next-value' | 'new-risk' | 'new-dose' | 'new-version')[];
  /** Counts for low and moderate alerts only; above them it is as if no reason was given. */
  readonly lowerTiersOnly?: true;
}

/** Foundations 6, table of override reasons. A rise of the tier breaks every one of them. */
const WINDOWS = {
  'already-treated': { days: 7, daysWithoutValue: 30, brokenBy: ['next-value'] },
  'benefit-outweighs-risk': { days: 180, brokenBy: ['new-dose', 'new-risk'] },
  'patient-declined': { days: 180, brokenBy: [] },
  'not-relevant': { days: 90, brokenBy: [], lowerTiersOnly: true },
  'data-wrong': { brokenBy: ['new-version'] },
  'specialist-involved': { days: 90, brokenBy: [] },
  'no-reason': { days: 1, brokenBy: [] },
} as const satisfies Record<OverrideReason, Window>;

const LONGEST_CRITICAL = 24 * HOUR; // foundations 6: critical findings, not for more than 24 h

export interface Override {
  readonly reason: OverrideReason;
  readonly at: Date;
}

/** The alert is put aside: still open and judged, not shown until the suppression ends. */
export function suppress(episode: Episode, { reason, at }: Override): EpisodeChange {
  const { tier, basis = { facts: [], doses: {} }, finding, key } = episode;
  const window = windowFor(reason, tier);
  const raisedBy = Object.entries(episode.evidence).filter(([reference]) =>
    finding.raisedBy.includes(reference),
  );
  const suppression: Suppression = {
    reason,
    at: at.toISOString(),
    ...endOf(window, episode, at),
    tier,
    basis,
    evidence: Object.fromEntries(raisedBy),
  };
  return { change: 'suppress', key, episode: { ...episode, suppression }, notify: false };
}

/** A clinician took the alert up: it stays shown, and a critical one is not repeated. */
export function accept(episode: Episode, at: Date): EpisodeChange {
  return {
    change: 'accept',
    key: episode.key,
    episode: { ...episode, acceptedAt: at.toISOString() },
    notify: false,
  };
}

/** Why a suppressed alert is shown again, in words; undefined while the answer holds. */
export function brokenBy(suppression: Suppression, episode: Episode, now: Date): string | undefined {
  if (TIERS.indexOf(episode.tier) > TIERS.indexOf(suppression.tier)) return 'the tier has risen';
  if (suppression.until !== undefined && now.toISOString() >= suppression.until)
    return suppression.reason === 'already-treated' ? 'no recheck came in time' : 'the answer has run out';
  const { brokenBy: breaks }: Window = WINDOWS[suppression.reason];
  return breaks.map((what) => BREAKS[what](suppression, episode)).find((words) => words !== undefined);
}

type Break = (suppression: Suppression, episode: Episode) => string | undefined;

const BREAKS = {
  'next-value': ({ basis }, episode) =>
    (episode.basis?.valueAt ?? '') > (basis.valueAt ?? '') ? 'a newer value has come' : undefined,
  'new-risk': ({ basis }, episode) =>
    episode.basis?.facts.some((fact) => !basis.facts.includes(fact)) ? 'a new risk is known' : undefined,
  // Any other dosage: free text does not tell a raise from a reduction.
  'new-dose': ({ basis }, episode) =>
    Object.entries(episode.basis?.doses ?? {}).some(([medicine, dose]) => basis.doses[medicine] !== dose)
      ? 'a medicine or its dosage has changed'
      : undefined,
  'new-version': ({ evidence }, episode) =>
    episode.finding.raisedBy.some((reference) => episode.evidence[reference] !== evidence[reference])
      ? 'the source has a new version'
      : undefined,
} as const satisfies Record<Window['brokenBy'][number], Break>;

function windowFor(reason: OverrideReason, tier: Tier): Window {
  const window: Window = WINDOWS[reason];
  const isLower = tier === 'low' || tier === 'moderate';
  return window.lowerTiersOnly && !isLower ? WINDOWS['no-reason'] : window;
}

function endOf(window: Window, { tier, basis }: Episode, at: Date): { until?: string } {
  const days = basis?.valueAt === undefined ? (window.daysWithoutValue ?? window.days) : window.days;
  const lasts = Math.min(
    days === undefined ? Number.POSITIVE_INFINITY : days * DAY,
    tier === 'critical' ? LONGEST_CRITICAL : Number.POSITIVE_INFINITY,
  );
  return Number.isFinite(lasts) ? { until: new Date(at.getTime() + lasts).toISOString() } : {};
}
