"""Volume + Record -> DataArray and DataTree: the Intake face and the xarray face.

(being written)
"""
