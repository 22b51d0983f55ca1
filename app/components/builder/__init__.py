"""The editor of a strategy: outline and flow views, inspector, saving, a light backtest."""
