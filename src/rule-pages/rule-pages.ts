/**
 * `/rules` and `/rules/:id`: how each rule works, for anybody. No patient data, no session.
 *
 * The same model as a page for people and as JSON for EHRs, which must show the source attributes.
 */
import { type Request, type Response, Router } from 'express';
import type { Assets } from '../pages/assets.ts';
import { pageHeaders } from '../pages/headers.ts';
import { notFound } from '../pages/last-answers.ts';
import { sendPage } from '../pages/send-page.ts';
import type { RuleModel } from '../rule-files/rule-model.ts';
import { DATA_CHECK, dataCheckPage } from './data-check.ts';
import { ruleList } from './rule-list.ts';
import { rulePage } from './rule-page.ts';

export const RULE_PAGE_ASSETS: Assets = {
  folder: new URL('.', import.meta.url),
  files: ['rule-pages.css'],
};

/** @param models sorted by id. */
export function rulePages(models: readonly RuleModel[]): Router {
  const byId = new Map(models.map((model) => [model.id, model]));
  const router = Router();
  router.use(pageHeaders({ keep: 'minutes' }), (_req, res, next) => {
    res.vary('Accept'); // one address, two forms
    next();
  });
  router.get('/', (req, res) => {
    if (wantsJson(req)) res.json({ rules: models.map(line) });
    else sendPage(res, ruleList(models, domainIn(req, models)));
  });
  router.get(`/${DATA_CHECK}`, (_req, res) => sendPage(res, dataCheckPage()));
  router.get('/:id', (req: Request<{ id: string }>, res: Response) => {
    const model = byId.get(req.params.id);
    if (model === undefined) return notFound(req, res);
    if (wantsJson(req)) res.json(model);
    else sendPage(res, rulePage(model));
  });
  return router;
}

function line({ id, version, title, domain, tiers }: RuleModel) {
  return { id, version, title, domain, tiers: tiers.map(({ tier }) => tier), url: `/rules/${id}` };
}

function wantsJson(req: Request): boolean {
  return req.accepts(['html', 'json']) === 'json';
}

function domainIn(req: Request, models: readonly RuleModel[]): string | undefined {
  const { domain } = req.query;
  return models.find((model) => model.domain === domain)?.domain;
}
