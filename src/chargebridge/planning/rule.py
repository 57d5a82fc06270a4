"""The rule that always has a plan, in milliseconds, without a solver: the cheapest steps, the store with the least laxity first, under all limits.

Plants first, each at a stretch where it costs least. Then what stores need, then what they only wish, dearest wish first. Then batteries take what
is left over and give what is drawn. It knows neither demand charges nor trade between steps; it is the baseline, and the plan when HiGHS has none.
"""

import numpy as np

from chargebridge.planning.arrays import Arrays, Floats
from chargebridge.planning.limits import NodeLimit, node_limits
from chargebridge.planning.money import Powers
from chargebridge.planning.plants import cheapest_stretch

LEAST_KW = 1e-9


def follow_rule(a: Arrays) -> Powers:
    """Powers that keep every hard limit, every stock and every power of the problem."""
    work = _Work(a)
    work.turn_down()
    for p in range(len(a.plant_kw)):
        work.run(p)
    order = work.laxity_order()
    for i in order:
        work.now(i)
    for soft in (True, False):
        for i in order:
            for k in np.flatnonzero(a.aims.store == i).tolist():
                work.fill(k, keep_soft=soft)
    for i in sorted(order, key=lambda i: -a.rest[i]):
        work.wish(i)
    for i in range(len(a.stored)):
        work.level(i)
    work.turn_up()
    return work.powers()


class _Work:
    """slack (L, T): what each limit still leaves, kW. surplus (T): what would flow into the grid as it stands, kW."""

    def __init__(self, a: Arrays) -> None:
        self.a = a
        self.limits: list[NodeLimit] = [limit for limit in node_limits(a) if np.isfinite(limit.room).any()]
        count = len(self.limits)
        self.slack = np.array([limit.room + limit.secured @ a.gen_low for limit in self.limits]).reshape(count, a.steps)
        self.stores = np.array([limit.stores for limit in self.limits]).reshape(count, len(a.stored))
        self.plants = np.array([limit.plants for limit in self.limits]).reshape(count, len(a.plant_kw))
        self.sign = np.array([limit.sign for limit in self.limits], dtype=float)
        self.hard = np.array([limit.hard for limit in self.limits], dtype=bool)
        self.net = a.base.copy()
        self.charge = np.zeros_like(a.charge_kw)
        self.discharge = np.zeros_like(a.charge_kw)
        self.on = np.zeros_like(a.plant_share)
        self.curtail = np.zeros_like(a.gen_likely)

    def laxity_order(self) -> list[int]:
        """Stores by priority, then by how long each could wait, h."""
        a, aims = self.a, self.a.aims
        could = (a.charge_kw * a.hours)[aims.store] * aims.weights(a.steps)
        spare = could.sum(axis=1) * a.charge_efficiency[aims.store] - (aims.level - a.stored[aims.store])
        laxity = np.full(len(a.stored), np.inf)
        power = np.array([store.charge_max_w / 1000.0 for store in a.problem.stores])
        np.minimum.at(laxity, aims.store, spare / np.maximum(power, 1e-9)[aims.store])
        return sorted(range(len(laxity)), key=lambda i: (-a.problem.stores[i].priority, laxity[i]))

    def room(self, factors: Floats, sign: float, keep_soft: bool = True) -> Floats:
        """(T): kW that every limit still leaves to what weighs ``factors`` (L) in them and flows by ``sign``."""
        asked = np.flatnonzero((factors > 0) & (self.sign == sign) & (self.hard | keep_soft))
        if not len(asked):
            return np.full(self.a.steps, np.inf)
        return np.asarray(np.maximum((self.slack[asked] / factors[asked].reshape(-1, 1)).min(axis=0), 0.0))

    def take(self, factors: Floats, power: Floats) -> None:
        """Note that ``power`` (T) more comes in."""
        self.slack -= np.outer(factors * self.sign, power)
        self.net = self.net + power

    def stock(self, i: int) -> Floats:
        a = self.a
        change = a.charge_efficiency[i] * self.charge[i] - self.discharge[i] / a.discharge_efficiency[i]
        return np.asarray(a.stored[i] + np.cumsum(change * a.hours))

    def run(self, p: int) -> None:
        """A plant at a stretch, where it costs least."""
        a = self.a
        room = self.room(self.plants[:, p], 1.0)
        possible = np.where(room >= a.plant_kw[p] - LEAST_KW, a.plant_share[p], 0.0)
        need = a.problem.plants[p].run_s / 3600.0
        price = np.where(self.net < 0, a.export_price, a.import_price)
        on = cheapest_stretch(possible, a.hours, price, need)
        if on is not None:
            self.on[p] = on
            # while it runs it takes its full power, however short in a step
            mean, full = self.on[p] * a.plant_kw[p], np.where(self.on[p] > 0, a.plant_kw[p], 0.0)
            self.slack -= np.outer(self.plants[:, p] * np.maximum(self.sign, 0.0), full) - np.outer(
                self.plants[:, p] * (self.sign < 0), mean
            )
            self.net = self.net + self.on[p] * a.plant_kw[p]

    def now(self, i: int) -> None:
        """What charges whatever it costs."""
        if self.a.now_kw[i].any():
            room = np.minimum(self.room(self.stores[:, i], 1.0, keep_soft=False), self.a.charge_kw[i])
            self.charge[i] = self._possible(i, np.minimum(self.a.now_kw[i], room), room)
            self.take(self.stores[:, i], self.charge[i])

    def fill(self, k: int, keep_soft: bool) -> None:
        """What is missing of a goal, in the cheapest steps before it."""
        a, aims = self.a, self.a.aims
        i, step, share = int(aims.store[k]), int(aims.step[k]), float(aims.share[k])
        order = np.arange(a.steps) - step
        counted = np.where(order < 0, 1.0, np.where(order == 0, share, 0.0))
        for _ in range(3):
            stock = self.stock(i)
            before = stock[step - 1] if step else a.stored[i]
            need = min(float(aims.level[k]), float(a.full[i])) - float(before + share * (stock[step] - before))
            if need <= 1e-9 or not self._buy(i, need, counted, float(np.nan_to_num(aims.cap[k], nan=np.inf)), keep_soft):
                return

    def wish(self, i: int) -> None:
        """What a store would take beyond its goals, where it is worth its price."""
        a = self.a
        need = float(a.most[i] - self.stock(i)[-1])
        if a.problem.stores[i].rest_price is not None and need > 1e-9:
            self._buy(i, need, np.ones(a.steps), float(a.rest[i]), True)

    def _buy(self, i: int, need: float, share: Floats, cap: float, keep_soft: bool) -> bool:
        """Charge ``need`` kWh more where it is cheapest: in each step first what is left over, then what comes from the grid."""
        a = self.a
        room = np.minimum(self.room(self.stores[:, i], 1.0, keep_soft), a.charge_kw[i] - self.charge[i])
        room = np.where((share > 0) & (self.discharge[i] == 0), np.clip(room, 0.0, None), 0.0)
        own = np.minimum(room, np.maximum(-self.net, 0.0))
        other = room - own if a.problem.stores[i].from_grid else np.zeros(a.steps)
        parts = np.concatenate((own, other))
        price = np.concatenate((np.minimum(a.export_price, a.import_price), a.import_price)) / a.charge_efficiency[i]
        gain = np.tile(a.hours * share * a.charge_efficiency[i], 2)
        order = np.argsort(price, kind="stable")
        order = order[(parts[order] > LEAST_KW) & (price[order] <= cap)]
        energy = np.cumsum(parts[order] * gain[order])
        part = np.clip((need - np.concatenate(([0.0], energy[:-1]))) / np.maximum(parts[order] * gain[order], 1e-12), 0.0, 1.0)
        power = np.zeros(2 * a.steps)
        power[order] = parts[order] * part
        self._round(i, power)
        more = self._possible(i, self.charge[i] + power[: a.steps] + power[a.steps :], room + self.charge[i]) - self.charge[i]
        if not (np.abs(more) > LEAST_KW).any():
            return False
        self.charge[i] += more
        self.take(self.stores[:, i], more)
        return True

    def _round(self, i: int, power: Floats) -> None:
        """Where the last step has less than the least power, another gives up what that lacks."""
        steps = self.a.steps
        least, now = self.a.least_charge_kw[i], self.charge[i] + power[:steps] + power[steps:]
        for t in np.flatnonzero((now > LEAST_KW) & (now < least - LEAST_KW)).tolist():
            lacks = float(least[t] - now[t])
            part = np.where(np.arange(2 * steps) % steps == t, 0.0, np.minimum(power, np.tile(now - least, 2)))
            giver = int(np.argmax(part))
            if part[giver] * self.a.hours[giver % steps] >= lacks * self.a.hours[t]:
                power[giver] -= lacks * self.a.hours[t] / self.a.hours[giver % steps]
                power[t if power[t] > 0 else t + steps] += lacks

    def _possible(self, i: int, power: Floats, most: Floats) -> Floats:
        """(T): power between its least and its most, or none; never more than the store takes: taper and what it can hold."""
        a = self.a
        store = a.problem.stores[i]
        least = a.least_charge_kw[i] / (len(store.phases) if store.switchable else 1)
        power = np.where(power > LEAST_KW, np.maximum(power, least), 0.0)
        power = np.where(power > most + LEAST_KW, 0.0, power)
        stock, found, top = float(a.stored[i]), np.zeros(a.steps), store.full_wh / 1000.0
        tapers = store.taper is not None
        limit = max(float(a.most[i]), float(a.stored[i]))
        for t in np.flatnonzero((power > 0) | (self.discharge[i] > 0)):
            gain = a.charge_efficiency[i] * a.hours[t]
            take = min(power[t], max(limit - stock, 0.0) / gain)
            if tapers and store.taper is not None:
                begin = store.taper * top
                slope = max(store.charge_max_w - store.taper_end_w, 0.0) / 1000.0 / (top - begin) if top > begin else 0.0
                line = (store.charge_max_w / 1000.0 - slope * (stock - begin)) * a.present[i, t]
                take = min(take, max(line / (1.0 + a.present[i, t] * slope * gain / 2.0), 0.0))
            if take < least[t] - LEAST_KW:
                take = 0.0
            found[t] = take
            stock += gain * take - self.discharge[i, t] / a.discharge_efficiency[i] * a.hours[t]
        return found

    def level(self, i: int) -> None:
        """A store that may give back: take what is left over, give what is drawn, as time goes by; goals stay as they are."""
        a = self.a
        store = a.problem.stores[i]
        if not (a.discharge_kw[i] > 0).any():
            return
        planned = self.stock(i)
        in_, out = float(a.charge_efficiency[i]), float(a.discharge_efficiency[i])
        # never below the floor, nor below what a later goal or the end needs
        keep = np.full(a.steps, float(a.reserve[i]))
        for k in np.flatnonzero(a.aims.store == i):
            until = int(a.aims.step[k]) + 1
            keep[:until] = np.maximum(keep[:until], min(float(a.aims.level[k]), float(planned[until - 1])))
        if store.rest_price is None and not store.goals:
            keep[:] = a.stored[i]
        worth = float(a.rest[i])
        moved = 0.0
        charge_room, give_room = self.room(self.stores[:, i], 1.0), self.room(self.stores[:, i], -1.0)
        before = np.concatenate(([a.stored[i]], planned[:-1]))
        for t in range(a.steps):
            stock, more = float(before[t]) + moved, 0.0
            if (
                self.net[t] < -LEAST_KW
                and self.charge[i, t] <= LEAST_KW
                and a.export_price[t] / in_ < max(worth, a.import_price.max() * out)
            ):
                space = max(float(a.full[i]) - float((planned[t:] + moved).max()), 0.0)
                more = min(-float(self.net[t]), float(a.charge_kw[i, t]), float(charge_room[t]), space / in_ / float(a.hours[t]))
                if more < a.least_charge_kw[i, t] - LEAST_KW or store.taper is not None:
                    more = 0.0
                self.charge[i, t] += more
                moved += more * in_ * a.hours[t]
            elif self.net[t] > LEAST_KW and self.charge[i, t] <= LEAST_KW and a.import_price[t] * out > worth + a.wear[i]:
                spare = min(stock, float((planned[t:] + moved).min())) - float(keep[t:].max() if store.goals else keep[t])
                most = min(float(self.net[t]), float(a.discharge_kw[i, t]), float(give_room[t]))
                more = -min(most, max(spare, 0.0) * out / float(a.hours[t]))
                if -more < a.least_discharge_kw[i, t] - LEAST_KW:
                    more = 0.0
                self.discharge[i, t] -= more
                moved += more / out * a.hours[t]
            if more:
                step = np.zeros(a.steps)
                step[t] = more
                self.take(self.stores[:, i], step)

    def turn_down(self) -> None:
        """Turn generation down where exporting costs money or crosses a limit as long as nothing is planned."""
        a = self.a
        for g in np.flatnonzero(a.curtailable).tolist():
            over = np.where(a.export_price < 0, np.maximum(-self.net, 0.0), 0.0)
            for k, limit in enumerate(self.limits):
                if limit.curtailed[g] > 0 and limit.sign < 0:
                    over = np.maximum(over, np.maximum(-self.slack[k], 0.0) / limit.curtailed[g])
            self._turn(g, np.minimum(over, a.gen_likely[g]))

    def turn_up(self) -> None:
        """Give back of that what the plan takes now."""
        a = self.a
        for g in np.flatnonzero(a.curtailable).tolist():
            spare = np.where(a.export_price < 0, np.maximum(self.net, 0.0), np.inf)
            for k, limit in enumerate(self.limits):
                if limit.curtailed[g] > 0 and limit.sign < 0:
                    spare = np.minimum(spare, np.maximum(self.slack[k], 0.0) / limit.curtailed[g])
            self._turn(g, -np.minimum(spare, self.curtail[g]))

    def _turn(self, g: int, more: Floats) -> None:
        a = self.a
        sure = np.clip(np.minimum(a.gen_low[g], a.gen_likely[g] - self.curtail[g]), 0.0, None)
        self.curtail[g] += more
        less = sure - np.clip(np.minimum(a.gen_low[g], a.gen_likely[g] - self.curtail[g]), 0.0, None)
        self.net = self.net + more
        for k, limit in enumerate(self.limits):
            self.slack[k] -= limit.sign * limit.curtailed[g] * more + limit.secured[g] * less

    def powers(self) -> Powers:
        return Powers(charge=self.charge, single=np.zeros_like(self.charge), discharge=self.discharge, on=self.on, curtail=self.curtail)
