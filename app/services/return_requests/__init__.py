"""退换货单: submitted, decided, on its way back, settled; one module for each part of the way."""
