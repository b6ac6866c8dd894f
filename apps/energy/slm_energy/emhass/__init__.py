"""What users of EMHASS have: its sensors out, its runtime parameters in. No code of EMHASS is used."""
