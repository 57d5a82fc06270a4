"""The digest that shows that a MEP message comes from a holder of the key (OSGP Alliance 078-0372, MEP Client Developer's Guide, appendix A).

Legacy cryptography: a linear mixing of 64 bits of state that was published as weak (Jovanovic, Neves: "Dumb Crypto in Smart Grids", 2015), so that
somebody who can listen and send at the cable for long may find the key. It keeps out noise, other devices and the curious; it hides nothing.
"""

SIZE = 8
KEY_SIZE = 16
_STEP = 8
_PASS = KEY_SIZE * 3 // 2
"""Key bytes that one pass goes through: all, then the first half again. Each takes up eight bytes of the message."""


def digest(message: bytes, key: bytes) -> bytes:
    """Eight bytes over ``message`` with the first 16 bytes of ``key``; the message is padded with zeros to whole passes."""
    state = [0] * SIZE
    padded = message + bytes(-len(message) % (_PASS * _STEP)) or bytes(_PASS * _STEP)
    for step in range(len(padded) // _STEP):
        bits = key[step % _PASS % KEY_SIZE]
        last = state[0]
        for byte, place in zip(padded[step * _STEP :][:_STEP], range(SIZE - 1, -1, -1), strict=True):
            mixed = ~(state[place] + place) & 0xFF
            turned = mixed << 1 | mixed >> 7 if bits & 1 else -(mixed >> 1 | mixed << 7)
            last = state[place] = last + byte + turned & 0xFF
            bits >>= 1
    return bytes(state)
