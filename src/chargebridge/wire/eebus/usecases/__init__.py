"""Use cases of EEBUS on the SPINE node, each from both sides.

limits of power    LPC, LPP            `controllable_system`, `energy_guard`; the machine is in `limitation`
measured values    MPC, MGCP           `monitoring`
cars               EVSECC, EVCC,       the wallbox and its car: `charging_station`, `vehicle`; the machine is in `curtailment`
                   EVCEM, OPEV,        the energy manager: `energy_manager`
                   OSCEV, EVSOC
charging ahead     CEVC                `coordinated_vehicle`, `coordinator`
"""
