"""The pipeline on one machine: servers, delivery, replay, backtest, the demo and the command."""
