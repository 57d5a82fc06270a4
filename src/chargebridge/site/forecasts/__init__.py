"""What the site expects: forecasts made each quarter hour, held against what came, from what it measured, its drivers' visits and the weather."""
