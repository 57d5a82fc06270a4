"""Whether a session may be billed at a charging point under calibration law: its signed values, read, judged and kept."""
