"""A shop that breaks on purpose: recordings with faults whose cause is known.

A scenario is drawn from one number and nothing else: the same number gives the same bytes.

The shop is a graph of calls (`shop`). Load falls on the gateway and travels along the calls; every
service reports one sample a minute of CPU, memory, request rate, error ratio, 95th percentile of
latency, ready pods and restarts, every call the median duration at both of its ends (`signals`).
All of it follows the hour of the day, with noise that remembers its past. Single outliers and
deploys that break nothing are part of the picture.

A fault hits one service and spreads (`faults`). What it does to a series is stated in *robust
deviations* of that series: 1.4826 times the median absolute deviation from the median, over the
history before the first fault. The **magnitude** of a fault, from 3 up, is the shift of its
leading series at full strength. What else moves, as a part of the magnitude:

- Towards callers each call carries on 0.3 + 0.4 times the share of the caller's requests that
  make the call, one minute later per call, to at most three calls away and no less than a tenth.
- `saturation`: the service's CPU or memory leads, reaching full strength in its second minute; a
  minute later its own latency (0.9) and both ends of the calls to it (0.8); then the latency of
  its callers and both ends of the calls to them.
- `latency`: its network is slow: the client end of every call from it and to it leads, their
  server ends do not move; where it calls others it waits, so its own latency rises (0.6); then
  its callers' latency and both ends of the calls to them.
- `errors`: a bad deploy, recorded as a change: its error ratio leads, with its latency (0.6) and
  CPU (0.4), as failed requests are tried again; then the error ratio of its callers.
- `dead_pod`: one pod stops being ready and restarts over and over; its request rate leads,
  downwards; what it calls gets less of it, in proportion; the error ratio of its callers rises.

So the service to blame is the one that moved first and most, by its own metrics or by the one end
that all slow calls share. Faults last 6 to 10 minutes; between the last effect of one and the next
lie at least 20 minutes; each hits another service, and no chance outlier or deploy comes within 10
minutes before one: what is asked for is the cause, not luck.
"""
