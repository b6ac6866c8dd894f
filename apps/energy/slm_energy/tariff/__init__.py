"""Korean electricity tariffs as dated tables: prices by the hour, bills, the demand that is billed."""

from __future__ import annotations

from slm_energy.tariff.bill import Bill, Line, bill
from slm_energy.tariff.days import day_type, season
from slm_energy.tariff.demand import BillingDemand, RunningMonth, billing_demand, running_month
from slm_energy.tariff.finding import find_tariff, tariff_names
from slm_energy.tariff.metered import Metered
from slm_energy.tariff.prices import Price, marginal_price, prices
from slm_energy.tariff.replay import Replay, replay
from slm_energy.tariff.table import Progressive, Tariff, TimeOfUse

__all__ = [
    "Bill",
    "BillingDemand",
    "Line",
    "Metered",
    "Price",
    "Progressive",
    "Replay",
    "RunningMonth",
    "Tariff",
    "TimeOfUse",
    "bill",
    "billing_demand",
    "day_type",
    "find_tariff",
    "marginal_price",
    "prices",
    "replay",
    "running_month",
    "season",
    "tariff_names",
]
