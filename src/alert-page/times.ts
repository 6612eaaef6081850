/**
 * Times as the page shows them: `17 Jun 2026, 09:10`, in the site's time zone, with their age in words.
 */
import { DAY, type FhirInstant, HOUR, showInstant } from '../vocabulary/instant.ts';

export function showTime(at: Date, zone: string, precision: FhirInstant['precision'] = 'time'): string {
  const day = showInstant(at, zone, 'date');
  return precision === 'date' ? day : `${day}, ${showInstant(at, zone).slice(-5)}`;
}

/** `just now`, `5 minutes ago`, `3 hours ago`, `2 days ago`. */
export function ageInWords(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime();
  if (ms < 60_000) return ms < -60_000 ? 'in the future' : 'just now';
  if (ms < HOUR) return ago(Math.floor(ms / 60_000), 'minute');
  if (ms < 2 * DAY) return ago(Math.floor(ms / HOUR), 'hour');
  return ago(Math.floor(ms / DAY), 'day');
}

function ago(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`;
}
