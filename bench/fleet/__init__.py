"""A fleet of edges in network namespaces, asked all the while: what an event costs its clients."""
