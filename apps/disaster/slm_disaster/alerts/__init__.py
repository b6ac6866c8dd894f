"""From one situation record to alerts that a person approves: texts, CAP 1.2, chain, log, grade advice."""
