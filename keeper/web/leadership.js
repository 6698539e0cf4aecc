// Who leads, by what the keeper says of the turns and of who is connected.

import { chainNow } from "./data.js";
import { same } from "./words.js";

/** Who leads at a moment of the chain's time, and who is next: the first in line that is there. */
export function leadership(pulse, mesh) {
  const now = chainNow();
  const turns = pulse?.turns ?? [];
  const current = turns.find((turn) => turn.begins_ms <= now && now < turn.ends_ms) ?? turns[0];
  const next = turns.find((turn) => turn.window === (current?.window ?? -1) + 1);
  const connected = new Set(pulse?.connected ?? []);
  const rows = (turn) => (turn?.line ?? []).map((operator) => mesh?.members.find((member) => same(member.operator, operator))).filter(Boolean);
  const here = (member) => member.me || connected.has(member.index);
  const line = rows(current);
  const drawn = line[0];
  return { turn: current, next: rows(next)[0], drawn, line, leading: line.find(here) ?? drawn, connected, here };
}
