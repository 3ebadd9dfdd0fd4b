-- 1. Revenue by category, and how 2024 compares with 2022.
SELECT category_name,
       sum(CASE WHEN year = 2022 THEN amount END) AS revenue_2022,
       sum(CASE WHEN year = 2024 THEN amount END) AS revenue_2024,
       CAST(100 * (sum(CASE WHEN year = 2024 THEN amount END)
                   / sum(CASE WHEN year = 2022 THEN amount END) - 1) AS DECIMAL(6, 1))
         AS growth_percent
FROM sales s
JOIN calendar d ON d.date_key = s.date_key
JOIN product p ON p.product_id = s.product_id
JOIN subcategory u ON u.subcategory_id = p.subcategory_id
JOIN category c ON c.category_id = u.category_id
GROUP BY category_name
ORDER BY revenue_2024 DESC;

-- 2. The ten products that earned most in December 2024, with their margin.
SELECT product_name, brand, sum(quantity) AS pieces, sum(amount) AS revenue,
       sum(amount) - sum(quantity * unit_cost) AS margin
FROM sales s
JOIN calendar d ON d.date_key = s.date_key
JOIN product p ON p.product_id = s.product_id
WHERE year = 2024 AND month = 12
GROUP BY product_name, brand
ORDER BY revenue DESC, product_name
LIMIT 10;

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

-- 4. Promotions: what they sold and what they gave away, sales without one among them.
SELECT coalesce(promotion_name, '(none)') AS promotion, count(*) AS sales,
       sum(amount) AS revenue,
       sum(quantity * unit_price) - sum(amount) AS given_away,
       CAST(avg(discount) AS DECIMAL(4, 3)) AS average_discount
FROM sales s
LEFT JOIN promotion p ON p.promotion_id = s.promotion_id
GROUP BY promotion_name
ORDER BY revenue DESC;

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
