"""What a tool really gained: one measurement for all, before and after."""

from slm_finetune.gain.flags import add_gain_flags, probe_of
from slm_finetune.gain.measure import Candidate, Gain, measure_files
from slm_finetune.gain.probe import Probe
from slm_finetune.gain.table import gain_table

__all__ = ["Candidate", "Gain", "Probe", "add_gain_flags", "gain_table", "measure_files", "probe_of"]
