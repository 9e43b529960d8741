-- First-pass inspection accuracy: lines whose first grade still stands. Only what was inspected again can show a first grade to be wrong, so the share among those is given as well.
select
    coalesce(facility, 'unknown') as facility,
    count(*) as inspected,
    sum(case when inspections > 1 then 1 else 0 end) as inspected_again,
    sum(case when first_grade <> grade then 1 else 0 end) as corrected,
    sum(case when first_grade = grade then 1.0 else 0.0 end) / count(*) as first_pass_accuracy,
    sum(case when inspections > 1 and first_grade = grade then 1.0 else 0.0 end)
        / nullif(sum(case when inspections > 1 then 1.0 else 0.0 end), 0.0) as accuracy_of_those_checked
from returns
where inspections > 0
group by coalesce(facility, 'unknown')
