"""Hot loops: each folder holds a plain reference and the fast form."""
