"""What panels give under a sky: sun, transposition, module and inverter, all by pvlib.

Irradiance on the plane after Hay and Davies, beam and diffuse out of global by Erbs et al. (1982), cell
temperature after Faiman (2008), module and inverter after PVWatts (Dobos 2014, NREL/TP-6A20-62641).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from slm_energy.site import Panels, Site

if TYPE_CHECKING:
    from slm_energy.forecast.past import Array

GAMMA = -0.004  # of power with cell temperature, 1/K: crystalline silicon, PVWatts
AIR_C = 15.0  # where no temperature is given
# Share of the clear sky that a full cover of cloud lets through (Larson, Nonnenmacher, Coimbra 2016).
_BASE = 0.35


class Sun:
    """The sun over a site in each of some steps, seen at the middle of the step."""

    def __init__(self, site: Site, start: datetime, steps: int, step: timedelta) -> None:
        """`site` has a latitude and a longitude."""
        import pandas as pd
        from pvlib.location import Location

        middle = pd.Timestamp(start) + step / 2
        times = pd.date_range(middle.tz_convert("UTC"), periods=steps, freq=step)
        place = Location(site.latitude, site.longitude, tz="UTC")
        self.position: Any = place.get_solarposition(times)
        self._clear: Any = place.get_clearsky(times, solar_position=self.position)
        self._times = times

    @property
    def clear_ghi(self) -> Array:
        """Global irradiance under a clear sky in W/m2."""
        found: Array = self._clear["ghi"].to_numpy()
        return found

    def under_clouds(self, cover: Array) -> Array:
        """Return the global irradiance under a cover of clouds (0 to 1)."""
        return self.clear_ghi * (_BASE + (1 - _BASE) * (1 - cover))

    def clear_power(self, panels: Panels, air_c: Array | float = AIR_C) -> Array:
        """Return kW under a clear sky."""
        return self.power_under(panels, self._clear, air_c)

    def power(self, panels: Panels, ghi: Array, air_c: Array | float = AIR_C) -> Array:
        """Return kW under a global irradiance in W/m2."""
        from pvlib.irradiance import erbs

        parts = erbs(ghi, self.position["zenith"], self._times)
        return self.power_under(panels, {"ghi": ghi, "dni": parts["dni"], "dhi": parts["dhi"]}, air_c)

    def power_under(self, panels: Panels, sky: Mapping[str, Any], air_c: Array | float) -> Array:
        """Return kW under `ghi`, `dni` and `dhi` in W/m2."""
        import numpy as np
        from pvlib import inverter, irradiance, pvsystem, temperature

        plane = irradiance.get_total_irradiance(
            panels.tilt,
            panels.azimuth,
            self.position["apparent_zenith"],
            self.position["azimuth"],
            sky["dni"],
            sky["ghi"],
            sky["dhi"],
            dni_extra=irradiance.get_extra_radiation(self._times),
            model="haydavies",
        )["poa_global"].fillna(0.0)
        cell = temperature.faiman(plane, air_c)
        direct = pvsystem.pvwatts_dc(plane * (1 - panels.loss), cell, panels.kwp * 1000, GAMMA)
        found: Array = np.nan_to_num(np.asarray(inverter.pvwatts(direct, panels.kwp * 1000 / 0.96))) / 1000
        return np.maximum(found, 0.0)
