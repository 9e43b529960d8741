-- title: Tables of the catalogue
-- reads: eddy_meta.progress
select *
from eddy_meta.tables
