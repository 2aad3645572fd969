"""Every real file in a folder through the drivers, beside what peers make of it."""
