"""What the numbers mean: pure functions behind the monitoring API, of the same formulas as the recording rules.

`performance`, `business` and `capacity` work on vectors of values with labels (`vector`), as a rule works on series;
`cost` keeps the users that cost most. A test feeds the rules and these functions the same series, and compares.
"""
