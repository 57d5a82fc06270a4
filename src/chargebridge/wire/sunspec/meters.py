"""The meter models: 201 single phase, 202 split phase, 203 wye, 204 delta with integers and scale factors; 211 to 214 the same with floats.

Facts from the SunSpec Alliance's model definitions (github.com/sunspec/models, Apache-2.0). All four of a kind have one table. Power is positive
for import (from the grid), as the registers Imp and Exp count it.
"""

from chargebridge.wire.sunspec.tables import model_of

_INTEGERS = """
  2 A               int16      A_SF      r A
  3 AphA            int16      A_SF      r A
  4 AphB            int16      A_SF      r A
  5 AphC            int16      A_SF      r A
  6 A_SF            sunssf     -         r
  7 PhV             int16      V_SF      r V
  8 PhVphA          int16      V_SF      r V
  9 PhVphB          int16      V_SF      r V
 10 PhVphC          int16      V_SF      r V
 11 PPV             int16      V_SF      r V
 12 PhVphAB         int16      V_SF      r V
 13 PhVphBC         int16      V_SF      r V
 14 PhVphCA         int16      V_SF      r V
 15 V_SF            sunssf     -         r
 16 Hz              int16      Hz_SF     r Hz
 17 Hz_SF           sunssf     -         r
 18 W               int16      W_SF      r W
 19 WphA            int16      W_SF      r W
 20 WphB            int16      W_SF      r W
 21 WphC            int16      W_SF      r W
 22 W_SF            sunssf     -         r
 23 VA              int16      VA_SF     r VA
 24 VAphA           int16      VA_SF     r VA
 25 VAphB           int16      VA_SF     r VA
 26 VAphC           int16      VA_SF     r VA
 27 VA_SF           sunssf     -         r
 28 VAR             int16      VAR_SF    r var
 29 VARphA          int16      VAR_SF    r var
 30 VARphB          int16      VAR_SF    r var
 31 VARphC          int16      VAR_SF    r var
 32 VAR_SF          sunssf     -         r
 33 PF              int16      PF_SF     r
 34 PFphA           int16      PF_SF     r
 35 PFphB           int16      PF_SF     r
 36 PFphC           int16      PF_SF     r
 37 PF_SF           sunssf     -         r
 38 TotWhExp        acc32      TotWh_SF  r Wh
 40 TotWhExpPhA     acc32      TotWh_SF  r Wh
 42 TotWhExpPhB     acc32      TotWh_SF  r Wh
 44 TotWhExpPhC     acc32      TotWh_SF  r Wh
 46 TotWhImp        acc32      TotWh_SF  r Wh
 48 TotWhImpPhA     acc32      TotWh_SF  r Wh
 50 TotWhImpPhB     acc32      TotWh_SF  r Wh
 52 TotWhImpPhC     acc32      TotWh_SF  r Wh
 54 TotWh_SF        sunssf     -         r
 55 TotVAhExp       acc32      TotVAh_SF r VAh
 57 TotVAhExpPhA    acc32      TotVAh_SF r VAh
 59 TotVAhExpPhB    acc32      TotVAh_SF r VAh
 61 TotVAhExpPhC    acc32      TotVAh_SF r VAh
 63 TotVAhImp       acc32      TotVAh_SF r VAh
 65 TotVAhImpPhA    acc32      TotVAh_SF r VAh
 67 TotVAhImpPhB    acc32      TotVAh_SF r VAh
 69 TotVAhImpPhC    acc32      TotVAh_SF r VAh
 71 TotVAh_SF       sunssf     -         r
 72 TotVArhImpQ1    acc32      TotVArh_SF r varh
 74 TotVArhImpQ1PhA acc32      TotVArh_SF r varh
 76 TotVArhImpQ1PhB acc32      TotVArh_SF r varh
 78 TotVArhImpQ1PhC acc32      TotVArh_SF r varh
 80 TotVArhImpQ2    acc32      TotVArh_SF r varh
 82 TotVArhImpQ2PhA acc32      TotVArh_SF r varh
 84 TotVArhImpQ2PhB acc32      TotVArh_SF r varh
 86 TotVArhImpQ2PhC acc32      TotVArh_SF r varh
 88 TotVArhExpQ3    acc32      TotVArh_SF r varh
 90 TotVArhExpQ3PhA acc32      TotVArh_SF r varh
 92 TotVArhExpQ3PhB acc32      TotVArh_SF r varh
 94 TotVArhExpQ3PhC acc32      TotVArh_SF r varh
 96 TotVArhExpQ4    acc32      TotVArh_SF r varh
 98 TotVArhExpQ4PhA acc32      TotVArh_SF r varh
100 TotVArhExpQ4PhB acc32      TotVArh_SF r varh
102 TotVArhExpQ4PhC acc32      TotVArh_SF r varh
104 TotVArh_SF      sunssf     -         r
105 Evt             bitfield32 -         r
"""

_FLOATS = """
  2 A               float32    -         r A
  4 AphA            float32    -         r A
  6 AphB            float32    -         r A
  8 AphC            float32    -         r A
 10 PhV             float32    -         r V
 12 PhVphA          float32    -         r V
 14 PhVphB          float32    -         r V
 16 PhVphC          float32    -         r V
 18 PPV             float32    -         r V
 20 PPVphAB         float32    -         r V
 22 PPVphBC         float32    -         r V
 24 PPVphCA         float32    -         r V
 26 Hz              float32    -         r Hz
 28 W               float32    -         r W
 30 WphA            float32    -         r W
 32 WphB            float32    -         r W
 34 WphC            float32    -         r W
 36 VA              float32    -         r VA
 38 VAphA           float32    -         r VA
 40 VAphB           float32    -         r VA
 42 VAphC           float32    -         r VA
 44 VAR             float32    -         r var
 46 VARphA          float32    -         r var
 48 VARphB          float32    -         r var
 50 VARphC          float32    -         r var
 52 PF              float32    -         r
 54 PFphA           float32    -         r
 56 PFphB           float32    -         r
 58 PFphC           float32    -         r
 60 TotWhExp        float32    -         r Wh
 62 TotWhExpPhA     float32    -         r Wh
 64 TotWhExpPhB     float32    -         r Wh
 66 TotWhExpPhC     float32    -         r Wh
 68 TotWhImp        float32    -         r Wh
 70 TotWhImpPhA     float32    -         r Wh
 72 TotWhImpPhB     float32    -         r Wh
 74 TotWhImpPhC     float32    -         r Wh
 76 TotVAhExp       float32    -         r VAh
 78 TotVAhExpPhA    float32    -         r VAh
 80 TotVAhExpPhB    float32    -         r VAh
 82 TotVAhExpPhC    float32    -         r VAh
 84 TotVAhImp       float32    -         r VAh
 86 TotVAhImpPhA    float32    -         r VAh
 88 TotVAhImpPhB    float32    -         r VAh
 90 TotVAhImpPhC    float32    -         r VAh
 92 TotVArhImpQ1    float32    -         r varh
 94 TotVArhImpQ1phA float32    -         r varh
 96 TotVArhImpQ1phB float32    -         r varh
 98 TotVArhImpQ1phC float32    -         r varh
100 TotVArhImpQ2    float32    -         r varh
102 TotVArhImpQ2phA float32    -         r varh
104 TotVArhImpQ2phB float32    -         r varh
106 TotVArhImpQ2phC float32    -         r varh
108 TotVArhExpQ3    float32    -         r varh
110 TotVArhExpQ3phA float32    -         r varh
112 TotVArhExpQ3phB float32    -         r varh
114 TotVArhExpQ3phC float32    -         r varh
116 TotVArhExpQ4    float32    -         r varh
118 TotVArhExpQ4phA float32    -         r varh
120 TotVArhExpQ4phB float32    -         r varh
122 TotVArhExpQ4phC float32    -         r varh
124 Evt             bitfield32 -         r
"""

METERS = (
    *(model_of(number, _INTEGERS) for number in (203, 201, 202, 204)),
    *(model_of(number, _FLOATS) for number in (213, 211, 212, 214)),
)
"""In the order in which they are looked for."""

QUANTITIES = {
    "W": ("1-0:16.7.0", "W"),
    "WphA": ("1-0:36.7.0", "W"),
    "WphB": ("1-0:56.7.0", "W"),
    "WphC": ("1-0:76.7.0", "W"),
    "AphA": ("1-0:31.7.0", "A"),
    "AphB": ("1-0:51.7.0", "A"),
    "AphC": ("1-0:71.7.0", "A"),
    "PhVphA": ("1-0:32.7.0", "V"),
    "PhVphB": ("1-0:52.7.0", "V"),
    "PhVphC": ("1-0:72.7.0", "V"),
    "Hz": ("1-0:14.7.0", "Hz"),
    "TotWhImp": ("1-0:1.8.0", "Wh"),
    "TotWhExp": ("1-0:2.8.0", "Wh"),
}
"""Points that a reading is made of: OBIS code and unit."""
