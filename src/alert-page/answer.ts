/**
 * Takes an answer from a form or as JSON. One code path with the feedback of cards.
 *
 * Source: care-team 13.3.
 */
import type { Request, Response } from 'express';
import { z } from 'zod';
import { OFFERED_REASONS, REASON_SYSTEM } from '../answers/override-reasons.ts';
import { type GivenAnswer, recordAnswer } from '../answers/record-answer.ts';
import { TIERS } from '../core/decision.ts';
import { type Content, html } from '../pages/html.ts';
import { notFound } from '../pages/last-answers.ts';
import { note, TIER_LOOK, tierMark } from '../pages/parts.ts';
import { keepAudit } from '../store/audit.ts';
import type { AlertView } from './alert-view.ts';
import { LONGEST_COMMENT, needsReason, type Typed } from './answer-part.ts';
import { type Desk, type Reader, type SignedInHandler, wantsJson } from './desk.ts';
import { type Seen, see, sendAlert } from './show-alert.ts';

/** What a form sends. */
const Sent = z.object({
  outcome: z.enum(['accepted', 'overridden', 'not-now', 'undone']),
  option: z.union([z.array(z.string().max(100)).max(50), z.string().max(100)]).optional(),
  reason: z.string().max(100).optional(),
  comment: z.string().max(2000).optional(),
  of: z.uuid().optional(),
  alertVersion: z.coerce.number().int().optional(),
  confirmed: z.string().optional(),
  seen: z.string().max(500).optional(),
  seenTier: z.enum(TIERS).optional(),
});
type Sent = z.infer<typeof Sent>;

/** What a client sends: one entry of CDS Hooks feedback, with the version it saw. */
const Entry = z
  .object({
    outcome: z.enum(['accepted', 'overridden', 'not-now', 'undone']),
    acceptedSuggestions: z
      .array(z.object({ id: z.string().max(100) }))
      .max(50)
      .optional(),
    overrideReason: z
      .object({
        reason: z.object({ code: z.string().max(100), system: z.string().optional() }).optional(),
        userComment: z.string().max(2000).optional(),
      })
      .optional(),
    of: z.uuid().optional(),
    alertVersion: z.number().int(),
  })
  .transform(
    ({ outcome, acceptedSuggestions, overrideReason, of, alertVersion }): Sent => ({
      outcome,
      option: (acceptedSuggestions ?? []).map(({ id }) => id),
      ...(overrideReason?.reason && { reason: overrideReason.reason.code }),
      ...(overrideReason?.userComment && { comment: overrideReason.userComment }),
      ...(of && { of }),
      alertVersion,
      confirmed: 'yes',
    }),
  );

export const answerAlert: SignedInHandler = async (req, res, reader, desk) => {
  const seen = await see(req.params.id, reader, desk);
  if (seen === undefined) return notFound(req, res);
  if (reader.session.role !== 'responder') return refuse(req, res, reader, desk, seen, 403, ROLE_WORDS);
  const read = (wantsJson(req) ? Entry : Sent).safeParse(req.body);
  if (!read.success) return refuse(req, res, reader, desk, seen, 400, 'The answer could not be read.');
  const sent = read.data;
  // Before anything else: a form that is shown again would otherwise carry the new version unseen.
  if (sent.outcome !== 'undone' && sent.alertVersion !== seen.alert.version)
    return conflict(req, res, reader, desk, sent, seen);
  const problems = problemsOf(sent, seen.alert);
  if (problems.length > 0) return incomplete(req, res, reader, desk, seen, sent, problems);
  if (needsSecondLook(sent, seen.alert))
    return sendAlert(res, reader, desk, seen, { typed: typedIn(sent), confirm: true });
  const recorded = await recordAnswer(given(sent, seen.alert, reader, desk), desk.answers);
  switch (recorded.outcome) {
    case 'recorded':
    case 'repeat':
      await keepAudit(desk.answers.store.db, reader.session, {
        action: 'answered',
        at: desk.now(),
        alertId: seen.alert.id,
      });
      if (wantsJson(req)) return void res.json({ answer: recorded.answerId });
      return res.redirect(303, `/alerts/${seen.alert.id}?recorded=${recorded.answerId}`);
    case 'conflict':
      return conflict(req, res, reader, desk, sent, (await see(req.params.id, reader, desk)) ?? seen);
    case 'too-late':
      return refuse(
        req,
        res,
        reader,
        desk,
        seen,
        409,
        'It is too late to take this answer back. Give a new one instead.',
      );
    case 'unknown-alert':
      return notFound(req, res);
  }
};

const ROLE_WORDS = 'Your role lets you read this alert, not answer it.';

type Problem = { readonly control: string; readonly says: string };

function problemsOf({ outcome, reason, comment, option, of }: Sent, alert: AlertView): Problem[] {
  const problems: Problem[] = [];
  const known = OFFERED_REASONS.some(({ code }) => code === reason);
  if (outcome === 'overridden' && !known && (needsReason(alert) || reason !== undefined))
    problems.push({ control: 'reason-0', says: 'Choose a reason.' });
  if (outcome === 'overridden' && (comment ?? '').length > LONGEST_COMMENT)
    problems.push({ control: 'comment', says: `Shorten the comment to ${LONGEST_COMMENT} characters.` });
  const chosen = [option ?? []].flat();
  if (outcome === 'accepted' && alert.options.length > 0 && chosen.length === 0)
    problems.push({ control: 'options', says: 'Choose at least one option to accept.' });
  if (outcome === 'accepted' && chosen.some((key) => !alert.options.some((offered) => offered.key === key)))
    problems.push({ control: 'options', says: 'An option is no longer offered. Choose again.' });
  if (outcome === 'undone' && of === undefined)
    problems.push({ control: 'answer', says: 'Say which answer to take back.' });
  return problems;
}

function needsSecondLook({ outcome, confirmed }: Sent, { tier }: AlertView): boolean {
  return outcome === 'overridden' && tier === 'critical' && confirmed !== 'yes';
}

function typedIn({ option, reason, comment }: Sent): Typed {
  return {
    options: [option ?? []].flat(),
    ...(reason === undefined ? {} : { reason }),
    ...(comment === undefined ? {} : { comment }),
  };
}

function given(sent: Sent, alert: AlertView, { session }: Reader, desk: Desk): GivenAnswer {
  const now = desk.now();
  return {
    connectionId: session.connectionId,
    alertId: alert.id,
    channel: 'page',
    at: now,
    receivedAt: now,
    answer: answerIn(sent),
    by: {
      userHash: session.userHash,
      role: session.role,
      ...(session.userReference && { reference: session.userReference }),
    },
    ...(sent.alertVersion === undefined ? {} : { alertVersion: sent.alertVersion }),
  };
}

function answerIn({ outcome, option, reason, comment, of }: Sent): GivenAnswer['answer'] {
  switch (outcome) {
    case 'accepted':
      return { outcome, options: [option ?? []].flat() };
    case 'overridden':
      return {
        outcome,
        ...(reason && { reason: { system: REASON_SYSTEM, code: reason } }),
        ...(comment?.trim() && { comment: comment.trim() }),
      };
    case 'not-now':
      return { outcome };
    case 'undone':
      return { outcome, of: of ?? '' };
  }
}

/** A summary at the top, with a link to each control; nothing that was typed is lost. */
function incomplete(
  req: Request,
  res: Response,
  reader: Reader,
  desk: Desk,
  seen: Seen,
  sent: Sent,
  problems: readonly Problem[],
): void {
  if (wantsJson(req)) return void res.status(422).json({ error: 'incomplete', problems });
  const message = html`<div role="alert">${note(
    'critical',
    html`<h2 tabindex="-1" data-focus>Nothing was recorded yet</h2>
      <ul class="lines">${problems.map(({ control, says }) => html`<li><a href=${`#${control}`}>${says}</a></li>`)}</ul>`,
  )}</div>`;
  sendAlert(res, reader, desk, seen, { message, problems, typed: typedIn(sent), status: 422 });
}

/** Somebody or something changed it meanwhile: what was seen, what is there now, and the typed text kept. */
function conflict(req: Request, res: Response, reader: Reader, desk: Desk, sent: Sent, seen: Seen): void {
  if (wantsJson(req)) return void res.status(409).json({ error: 'conflict', now: seen.alert });
  const message = changedMessage(sent, seen.alert);
  sendAlert(res, reader, desk, seen, { message, typed: typedIn(sent), status: 409 });
}

function changedMessage({ seen, seenTier }: Sent, alert: AlertView): Content {
  const last = alert.history.at(-1);
  return html`<div role="alert">${note(
    'warning',
    html`<h2 tabindex="-1" data-focus>This alert changed while you were reading</h2>
      <p>Nothing was recorded. What you typed is kept below.</p>
      ${seen && html`<p><strong>You saw:</strong> ${seenTier && `${TIER_LOOK[seenTier].word}. `}${seen}</p>`}
      <p><strong>Now:</strong> ${tierMark(alert.tier)} ${alert.summary}</p>
      ${last && html`<p><strong>Last change:</strong> ${last.event}${last.detail && `, ${last.detail}`}.</p>`}`,
  )}</div>`;
}

function refuse(
  req: Request,
  res: Response,
  reader: Reader,
  desk: Desk,
  seen: Seen,
  status: number,
  says: string,
): void {
  if (wantsJson(req)) return void res.status(status).json({ error: says });
  const message = html`<div role="alert">${note('critical', html`<h2 tabindex="-1" data-focus>Nothing was recorded</h2><p>${says}</p>`)}</div>`;
  sendAlert(res, reader, desk, seen, { message, status });
}
