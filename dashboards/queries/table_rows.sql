-- title: Tables
-- note: What can be asked, and how many rows it has
-- reads: eddy_meta.progress
select *
from eddy_meta.tables
