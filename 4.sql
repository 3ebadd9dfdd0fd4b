-- 5. Cities by revenue of 2024 per square metre, where all areas are known.
SELECT city_name, country_name, count(*) AS stores, sum(revenue) AS revenue,
       CAST(sum(revenue) / sum(area_m2) AS DECIMAL(10, 2)) AS per_m2
FROM (SELECT store_id, sum(amount) AS revenue
      FROM sales
      WHERE date_key >= DATE '2024-01-01'
      GROUP BY store_id) r
JOIN store t ON t.store_id = r.store_id
JOIN city i ON i.city_id = t.city_id
JOIN country o ON o.country_id = i.country_id
GROUP BY city_name, country_name
HAVING count(*) = count(area_m2)
ORDER BY per_m2 DESC
LIMIT 8;
