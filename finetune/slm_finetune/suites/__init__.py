"""Public question sets, answered by the file that the device runs: MMLU, KMMLU, KoBEST, MT-Bench, LogicKor.

Questions come from the original files in a folder of the user's; nothing of them is in this project. Those
with options are compared by likelihood (`scoring`), those with free answers are written down and scored only
by a judge whose agreement with people was measured first (`judge`).
"""
