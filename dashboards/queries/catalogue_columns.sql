-- title: Columns of the catalogue
select *
from eddy_meta.columns
