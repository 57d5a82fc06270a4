"""The models that a stationary battery needs, each declared once: offset, name, type, scale factor, access, unit.

Facts from the SunSpec Alliance's model definitions (github.com/sunspec/models, Apache-2.0). Offsets count from the model's ID register;
ID (0) and L (1) themselves are left out. Groups inside a model are spelled with a dot, as in ``PFWInj.PF``. "-": no scale factor.
"""

from chargebridge.wire.sunspec.block import HEADER, Model
from chargebridge.wire.sunspec.point import Kind, Point, size_of


def model_of(number: int, table: str) -> Model:
    points: list[Point] = []
    for line in table.strip().splitlines():
        offset, name, form, scale, access, *unit = line.split()
        kind, _, size = form.partition(":")
        point = Point(
            name=name,
            offset=int(offset),
            kind=Kind(kind),
            size=int(size) if size else size_of(Kind(kind)),
            scale=None if scale == "-" else scale,
            writable=access == "rw",
            unit=" ".join(unit),
        )
        if point.offset != (points[-1].end if points else HEADER):
            raise ValueError(f"model {number}: {name} does not follow on the point before it")
        points.append(point)
    return Model(number, tuple(points))


COMMON = model_of(
    1,
    """
 2 Mn  string:16 - r
18 Md  string:16 - r
34 Opt string:8  - r
42 Vr  string:8  - r
50 SN  string:16 - r
66 DA  uint16    - rw
67 Pad pad       - r
""",
)
"""Model 1, common: who made the device."""

AC_MEASUREMENT = model_of(
    701,
    """
  2 ACType       enum16     -          r
  3 St           enum16     -          r
  4 InvSt        enum16     -          r
  5 ConnSt       enum16     -          r
  6 Alrm         bitfield32 -          r
  8 DERMode      bitfield32 -          r
 10 W            int16      W_SF       r W
 11 VA           int16      VA_SF      r VA
 12 Var          int16      Var_SF     r Var
 13 PF           int16      PF_SF      r
 14 A            int16      A_SF       r A
 15 LLV          uint16     V_SF       r V
 16 LNV          uint16     V_SF       r V
 17 Hz           uint32     Hz_SF      r Hz
 19 TotWhInj     uint64     TotWh_SF   r Wh
 23 TotWhAbs     uint64     TotWh_SF   r Wh
 27 TotVarhInj   uint64     TotVarh_SF r Varh
 31 TotVarhAbs   uint64     TotVarh_SF r Varh
 35 TmpAmb       int16      Tmp_SF     r C
 36 TmpCab       int16      Tmp_SF     r C
 37 TmpSnk       int16      Tmp_SF     r C
 38 TmpTrns      int16      Tmp_SF     r C
 39 TmpSw        int16      Tmp_SF     r C
 40 TmpOt        int16      Tmp_SF     r C
 41 WL1          int16      W_SF       r W
 42 VAL1         int16      VA_SF      r VA
 43 VarL1        int16      Var_SF     r Var
 44 PFL1         int16      PF_SF      r
 45 AL1          int16      A_SF       r A
 46 VL1L2        uint16     V_SF       r V
 47 VL1          uint16     V_SF       r V
 48 TotWhInjL1   uint64     TotWh_SF   r Wh
 52 TotWhAbsL1   uint64     TotWh_SF   r Wh
 56 TotVarhInjL1 uint64     TotVarh_SF r Varh
 60 TotVarhAbsL1 uint64     TotVarh_SF r Varh
 64 WL2          int16      W_SF       r W
 65 VAL2         int16      VA_SF      r VA
 66 VarL2        int16      Var_SF     r Var
 67 PFL2         int16      PF_SF      r
 68 AL2          int16      A_SF       r A
 69 VL2L3        uint16     V_SF       r V
 70 VL2          uint16     V_SF       r V
 71 TotWhInjL2   uint64     TotWh_SF   r Wh
 75 TotWhAbsL2   uint64     TotWh_SF   r Wh
 79 TotVarhInjL2 uint64     TotVarh_SF r Varh
 83 TotVarhAbsL2 uint64     TotVarh_SF r Varh
 87 WL3          int16      W_SF       r W
 88 VAL3         int16      VA_SF      r VA
 89 VarL3        int16      Var_SF     r Var
 90 PFL3         int16      PF_SF      r
 91 AL3          int16      A_SF       r A
 92 VL3L1        uint16     V_SF       r V
 93 VL3          uint16     V_SF       r V
 94 TotWhInjL3   uint64     TotWh_SF   r Wh
 98 TotWhAbsL3   uint64     TotWh_SF   r Wh
102 TotVarhInjL3 uint64     TotVarh_SF r Varh
106 TotVarhAbsL3 uint64     TotVarh_SF r Varh
110 ThrotPct     uint16     -          r Pct
111 ThrotSrc     bitfield32 -          r
113 A_SF         sunssf     -          r
114 V_SF         sunssf     -          r
115 Hz_SF        sunssf     -          r
116 W_SF         sunssf     -          r
117 PF_SF        sunssf     -          r
118 VA_SF        sunssf     -          r
119 Var_SF       sunssf     -          r
120 TotWh_SF     sunssf     -          r
121 TotVarh_SF   sunssf     -          r
122 Tmp_SF       sunssf     -          r
123 MnAlrmInfo   string:32  -          r
""",
)
"""Model 701, DER AC measurement. W is positive for what the DER delivers and negative for what it absorbs."""

CAPACITY = model_of(
    702,
    """
 2 WMaxRtg           uint16     W_SF   r  W
 3 WOvrExtRtg        uint16     W_SF   r  W
 4 WOvrExtRtgPF      uint16     PF_SF  r
 5 WUndExtRtg        uint16     W_SF   r  W
 6 WUndExtRtgPF      uint16     PF_SF  r
 7 VAMaxRtg          uint16     VA_SF  r  VA
 8 VarMaxInjRtg      uint16     Var_SF r  Var
 9 VarMaxAbsRtg      uint16     Var_SF r  Var
10 WChaRteMaxRtg     uint16     W_SF   r  W
11 WDisChaRteMaxRtg  uint16     W_SF   r  W
12 VAChaRteMaxRtg    uint16     VA_SF  r  VA
13 VADisChaRteMaxRtg uint16     VA_SF  r  VA
14 VNomRtg           uint16     V_SF   r  V
15 VMaxRtg           uint16     V_SF   r  V
16 VMinRtg           uint16     V_SF   r  V
17 AMaxRtg           uint16     A_SF   r  A
18 PFOvrExtRtg       uint16     PF_SF  r
19 PFUndExtRtg       uint16     PF_SF  r
20 ReactSusceptRtg   uint16     S_SF   r  S
21 NorOpCatRtg       enum16     -      r
22 AbnOpCatRtg       enum16     -      r
23 CtrlModes         bitfield32 -      r
25 IntIslandCatRtg   bitfield16 -      r
26 WMax              uint16     W_SF   rw W
27 WMaxOvrExt        uint16     W_SF   rw W
28 WOvrExtPF         uint16     PF_SF  rw
29 WMaxUndExt        uint16     W_SF   rw W
30 WUndExtPF         uint16     PF_SF  rw
31 VAMax             uint16     VA_SF  rw VA
32 VarMaxInj         uint16     Var_SF rw Var
33 VarMaxAbs         uint16     Var_SF rw Var
34 WChaRteMax        uint16     W_SF   rw W
35 WDisChaRteMax     uint16     W_SF   rw W
36 VAChaRteMax       uint16     VA_SF  rw VA
37 VADisChaRteMax    uint16     VA_SF  rw VA
38 VNom              uint16     V_SF   rw V
39 VMax              uint16     V_SF   rw V
40 VMin              uint16     V_SF   rw V
41 AMax              uint16     A_SF   rw A
42 PFOvrExt          uint16     PF_SF  rw
43 PFUndExt          uint16     PF_SF  rw
44 IntIslandCat      bitfield16 -      rw
45 W_SF              sunssf     -      r
46 PF_SF             sunssf     -      r
47 VA_SF             sunssf     -      r
48 Var_SF            sunssf     -      r
49 V_SF              sunssf     -      r
50 A_SF              sunssf     -      r
51 S_SF              sunssf     -      r
""",
)
"""Model 702, DER capacity: ratings (Rtg) and the settings that lower them."""

AC_CONTROLS = model_of(
    704,
    """
 2 PFWInjEna         enum16 -             rw
 3 PFWInjEnaRvrt     enum16 -             rw
 4 PFWInjRvrtTms     uint32 -             rw Secs
 6 PFWInjRvrtRem     uint32 -             r  Secs
 8 PFWAbsEna         enum16 -             rw
 9 PFWAbsEnaRvrt     enum16 -             rw
10 PFWAbsRvrtTms     uint32 -             rw Secs
12 PFWAbsRvrtRem     uint32 -             r  Secs
14 WMaxLimPctEna     enum16 -             rw
15 WMaxLimPct        uint16 WMaxLimPct_SF rw Pct
16 WMaxLimPctRvrt    uint16 WMaxLimPct_SF rw Pct
17 WMaxLimPctEnaRvrt enum16 -             rw
18 WMaxLimPctRvrtTms uint32 -             rw Secs
20 WMaxLimPctRvrtRem uint32 -             r  Secs
22 WSetEna           enum16 -             rw
23 WSetMod           enum16 -             rw
24 WSet              int32  WSet_SF       rw W
26 WSetRvrt          int32  WSet_SF       rw W
28 WSetPct           int16  WSetPct_SF    rw Pct
29 WSetPctRvrt       int16  WSetPct_SF    rw Pct
30 WSetEnaRvrt       enum16 -             rw
31 WSetRvrtTms       uint32 -             rw Secs
33 WSetRvrtRem       uint32 -             r  Secs
35 VarSetEna         enum16 -             rw
36 VarSetMod         enum16 -             rw
37 VarSetPri         enum16 -             rw
38 VarSet            int32  VarSet_SF     rw Var
40 VarSetRvrt        int32  VarSet_SF     rw Var
42 VarSetPct         int16  VarSetPct_SF  rw Pct
43 VarSetPctRvrt     int16  VarSetPct_SF  rw Pct
44 VarSetEnaRvrt     enum16 -             rw
45 VarSetRvrtTms     uint32 -             rw Secs
47 VarSetRvrtRem     uint32 -             r  Secs
49 WRmp              uint16 -             rw %Max/Sec
50 WRmpRef           enum16 -             rw
51 VarRmp            uint16 -             rw %Max/Sec
52 AntiIslEna        enum16 -             rw
53 PF_SF             sunssf -             r
54 WMaxLimPct_SF     sunssf -             r
55 WSet_SF           sunssf -             r
56 WSetPct_SF        sunssf -             r
57 VarSet_SF         sunssf -             r
58 VarSetPct_SF      sunssf -             r
59 PFWInj.PF         uint16 PF_SF         rw
60 PFWInj.Ext        enum16 -             rw
61 PFWInjRvrt.PF     uint16 PF_SF         rw
62 PFWInjRvrt.Ext    enum16 -             rw
63 PFWAbs.PF         uint16 PF_SF         rw
64 PFWAbs.Ext        enum16 -             rw
65 PFWAbsRvrt.PF     uint16 PF_SF         rw
66 PFWAbsRvrt.Ext    enum16 -             rw
""",
)
"""Model 704, DER AC controls. WSet: as 701 W, positive delivers. Rvrt: what holds when the reversion timer (RvrtTms, s) has run out."""

STORAGE = model_of(
    713,
    """
2 WHRtg   uint16 WH_SF  r WH
3 WHAvail uint16 WH_SF  r WH
4 SoC     uint16 Pct_SF r Pct
5 SoH     uint16 Pct_SF r Pct
6 Sta     enum16 -      r
7 WH_SF   sunssf -      r
8 Pct_SF  sunssf -      r
""",
)
"""Model 713, DER storage capacity. WHAvail = WHRtg * SoC * SoH. SoC, SoH: percent."""
