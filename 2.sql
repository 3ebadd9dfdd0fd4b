-- 3. Countries: stores, sales, revenue, average rating of those who rated, returns.
SELECT country_name, count(DISTINCT s.store_id) AS stores, count(*) AS sales,
       sum(amount) AS revenue, CAST(avg(rating) AS DECIMAL(4, 2)) AS rating,
       sum(CASE WHEN quantity < 0 THEN 1 ELSE 0 END) AS returned
FROM sales s
JOIN store t ON t.store_id = s.store_id
JOIN city i ON i.city_id = t.city_id
JOIN country o ON o.country_id = i.country_id
GROUP BY country_name
ORDER BY revenue DESC;

