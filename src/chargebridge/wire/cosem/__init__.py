"""A DLMS/COSEM client without sockets: the questions that meters answer at their optical port or behind a gateway.

One file a layer, named as the standard names them, each both ways (the meter in ``sim`` needs the other one):

    mode_e        IEC 62056-21: how an optical port is woken at 300 baud and changes over to HDLC
    hdlc_link     IEC 62056-46: the data link that a client opens and sends its messages through
    wrapper       IEC 62056-47: the eight bytes before a message on TCP
    acse          IEC 62056-53: who asks, by which password, and whether the meter takes it
    services      IEC 62056-53: GET and ACTION with their answers, in one piece, in blocks and as lists
    selective     IEC 62056-62: the part of a load profile that is wanted
    security      Green Book 9.2: suite 0, AES-128-GCM; frame counters
    association   all of it in turn: opened, proved, asked, released

Bytes in, events out; what cannot be raises ``CosemError`` with its kind, the reason and what a person can do.
"""
