"""Many zones and regions: loads, memory, and what an answer costs then."""
